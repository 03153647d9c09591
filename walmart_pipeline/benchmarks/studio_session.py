"""One browser tab of the Studio without a browser: Streamlit's protobuf messages over a real websocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import aiohttp

# A page that takes longer is an error: a browser's user has left long before.
PATIENCE_SECONDS = 60.0
LARGEST_MESSAGE = 200 << 20


class SessionError(RuntimeError):
    """The server ended the session, answered nonsense, or did not answer."""


class NoSuchWidgetError(SessionError):
    """The page that is shown has no such button or field."""


@dataclass(frozen=True)
class Run:
    """One run of a page's script, with those that it asked for itself. seconds: from the request until it was drawn.

    problems: errors on the page. crashes: exceptions of the script.
    """

    seconds: float
    problems: list[str]
    crashes: list[str]


class StudioSession:
    """A session of one user. Each request waits until the page is drawn whole, or raises SessionError."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._widgets: dict[str, tuple[str, Any]] = {}
        self._elements: dict[tuple[int, ...], Any] = {}
        self._pages: dict[str, str] = {}
        self._page_hash = ""

    @classmethod
    async def connect(cls, client: aiohttp.ClientSession, url: str) -> Self:
        """Begin a session with the Studio at this address. Raises SessionError."""
        import aiohttp

        stream = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
        try:
            socket = await client.ws_connect(stream, protocols=["streamlit"], origin=url, max_msg_size=LARGEST_MESSAGE)
        except (aiohttp.ClientError, OSError) as error:
            raise SessionError(f"the Studio does not answer: {error}") from error
        return cls(socket)

    async def close(self) -> None:
        """End it, as closing the tab does."""
        await self._socket.close()

    async def open(self, page: str = "") -> Run:
        """Go to a page, as a click in the navigation does; the start page without a name."""
        self._page_hash = self._pages.get(page, "")
        self._widgets.clear()
        return await self._rerun(page_name="" if self._page_hash else page)

    def fill(self, label: str, text: str) -> None:
        """Write into a field, whose text goes with the next request. Raises NoSuchWidgetError."""
        field = self._widget(label, "text_input", "text_area")
        self._widgets[field.id] = "string_value", text

    async def choose(self, label: str, option: str) -> Run:
        """Choose an option of a segmented control."""
        group = self._widget(label, "button_group")
        self._widgets[group.id] = "string_array_value", option
        return await self._rerun()

    async def press(self, label: str) -> Run:
        """Press the enabled button of this label. Raises NoSuchWidgetError."""
        button = self._widget(label, "button")
        if button.disabled:
            raise NoSuchWidgetError(f"the button {label!r} is disabled")
        return await self._rerun(pressed=button.id)

    def can_press(self, label: str) -> bool:
        """Whether there is an enabled button of this label."""
        return any(each.label == label and not each.disabled for each in self._of("button"))

    def _widget(self, label: str, *kinds: str) -> Any:
        for kind in kinds:
            for each in self._of(kind):
                if each.label == label:
                    return each
        shown = ", ".join(sorted(each.label for each in self._of("button")))
        raise NoSuchWidgetError(f"the page has no {' or '.join(kinds)} {label!r}; its buttons are {shown}")

    def _of(self, kind: str) -> Iterator[Any]:
        return (getattr(each, kind) for each in self._elements.values() if each.WhichOneof("type") == kind)

    async def _rerun(self, *, pressed: str = "", page_name: str = "") -> Run:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash, state.page_name = self._page_hash, page_name
        for widget_id, (kind, value) in self._widgets.items():
            widget = state.widget_states.widgets.add(id=widget_id)
            if kind == "string_array_value":
                widget.string_array_value.data.append(value)
            else:
                setattr(widget, kind, value)
        if pressed:
            state.widget_states.widgets.add(id=pressed, trigger_value=True)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._socket.send_bytes(message.SerializeToString())
                while not self._take(await self._receive()):
                    pass
        except TimeoutError:
            raise SessionError(f"no whole page in {PATIENCE_SECONDS:.0f} s") from None
        except ConnectionError as error:
            raise SessionError(f"the connection was lost: {error}") from error
        shown = {each.id for element in self._elements.values() if (each := _widget_of(element)) is not None}
        self._widgets = {name: value for name, value in self._widgets.items() if name in shown}
        return Run(time.perf_counter() - began, *self._errors())

    async def _receive(self) -> Any:
        import aiohttp
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        received = await self._socket.receive()
        if received.type is not aiohttp.WSMsgType.BINARY:
            raise SessionError(f"the server closed the session ({self._socket.close_code})")
        return ForwardMsg.FromString(received.data)

    def _take(self, message: Any) -> bool:
        """Take a message. Returns whether the page is whole."""
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._elements = {}
        elif kind == "navigation":
            self._pages = {each.url_pathname: each.page_script_hash for each in message.navigation.app_pages}
            self._page_hash = message.navigation.page_script_hash
        elif kind == "delta":
            path = tuple(message.metadata.delta_path)
            if message.delta.WhichOneof("type") == "new_element":
                self._elements[path] = message.delta.new_element
            else:
                self._elements.pop(path, None)
        elif kind == "script_finished":
            # A page may ask for another run of itself.
            finished = type(message)
            if message.script_finished == finished.FINISHED_WITH_COMPILE_ERROR:
                raise SessionError("the page's script can't be compiled")
            return bool(message.script_finished == finished.FINISHED_SUCCESSFULLY)
        return False

    def _errors(self) -> tuple[list[str], list[str]]:
        from streamlit.proto.Alert_pb2 import Alert

        problems = [each.body for each in self._of("alert") if each.format == Alert.ERROR]
        return problems, [f"{each.type}: {each.message}" for each in self._of("exception")]


def _widget_of(element: Any) -> Any:
    value = getattr(element, element.WhichOneof("type") or "", None)
    return value if getattr(value, "id", "") else None
