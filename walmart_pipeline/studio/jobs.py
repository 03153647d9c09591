"""Work in the background that a page follows: it goes on when the page is left, and the page finds it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic_core import from_json

from walmart_pipeline.core.records import Listing

if TYPE_CHECKING:
    from walmart_pipeline.llm.calls import Request

Result = TypeVar("Result")

# Between two looks of a page: a model writes some 20 words a second, and a page of Streamlit takes 10 ms to send.
LOOK_SECONDS = 0.1


class Job(Generic[Result]):
    """A function in a thread of its own; an answer that was asked for is kept in the ledger, whoever still waits."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._future: Future[Result] = Future()
        self._work = work
        self.started = time.monotonic()
        threading.Thread(target=self._run, name="studio", daemon=True).start()

    def _run(self) -> None:
        try:
            self._future.set_result(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
            self._future.set_exception(error)

    @property
    def is_done(self) -> bool:
        """Whether there is a result or an error."""
        return self._future.done()

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self.started

    def looks(self) -> Iterator[None]:
        """Yield again and again until it is done, and once more then."""
        while not self.is_done:
            yield
            time.sleep(LOOK_SECONDS)
        yield

    def result(self) -> Result:
        """Its result, or the error that ended it."""
        return self._future.result()


class AnswerStream:
    """A streamed answer as far as it came; see Watcher in llm/calls.py."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.model = ""
        self.is_repair = False

    def call_started(self, request: Request) -> None:
        """Begin the next answer."""
        self.model = request.model
        self.is_repair = request.messages[-2:-1] != () and request.messages[-2].role == "assistant"
        self._pieces = []

    def piece(self, text: str) -> None:
        """Take a piece of the answer."""
        self._pieces.append(text)

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._pieces)

    @property
    def listing(self) -> Listing | None:
        """The listing that the answer so far makes; None before its first words."""
        return partial_listing(self.text)


def partial_listing(text: str) -> Listing | None:
    """The listing that the beginning of a JSON answer makes; None without one."""
    try:
        # A model may say something before its answer.
        value = from_json(text[text.index("{") :], allow_partial="trailing-strings")
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None

    def one(name: str) -> str:
        found = value.get(name)
        return found if isinstance(found, str) else ""

    def several(name: str) -> list[str]:
        found = value.get(name)
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    return Listing(
        title=one("title"),
        key_features=several("key_features"),
        description=one("description"),
        seo_keywords=several("seo_keywords"),
    )
