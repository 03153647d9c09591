"""Simulated users of a real Studio: response times until a page is drawn, errors, lost decisions, memory."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from walmart_pipeline.benchmarks import resource_usage, studio_keyboard, synthetic_catalog
from walmart_pipeline.benchmarks.studio_keyboard import KeyboardFigures
from walmart_pipeline.benchmarks.studio_session import Run, SessionError, StudioSession
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation.template.writer import TemplateWriter
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.reviews.store import ReviewStore

if TYPE_CHECKING:
    import aiohttp

PASSWORD = "measured by bench"  # noqa: S105 - of users that live as long as the measurement
START_SECONDS = 120.0
# Of five users three review, one writes, and one looks at figures and exports.
SHARES = ("review", "review", "review", "write", "look")
# What the Studio answers when two people decide about one text: as promised, no error.
CONFLICT = re.compile("in the meantime|at the same moment")
# Enough for the template writer.
FEATURES = """Switches off by itself when the water boils
Lid opens at a button, away from the steam
Window at the side shows how much water is left"""
DESCRIPTION = (
    "This kettle heats 1.7 L of water for tea and coffee. Its body is one piece of stainless steel. The base is apart, "
    "so the kettle lifts off without its cord. A window at the side shows the water that is left. The filter at the "
    "spout keeps limescale back, and comes out to be cleaned. The handle stays cool while the water boils."
)
# Problems that are shown of all.
MOST_PROBLEMS = 20


class StudioBenchError(RuntimeError):
    """The Studio could not be measured; the message says why."""


class ResponseTimes(BaseModel):
    """Seconds from a click until the page was drawn whole."""

    count: int
    p50: float
    p95: float
    p99: float
    worst: float


class StudioFigures(BaseModel):
    """What a crowd of simulated users met."""

    users: int
    seconds: float
    think_seconds: float = Field(description="Between a user's drawn page and next click, on average.")
    products: int
    first_visit: float = Field(description="Seconds of the very first visitor, until the form to sign in is drawn.")
    first_sign_in: float = Field(description="Of the same visitor, until the page Write is drawn.")
    first_review: float = Field(description="Of the same visitor, until the first case is drawn.")
    requests: int
    per_second: float
    all_requests: ResponseTimes
    by_action: dict[str, ResponseTimes]
    errors: int
    problems: list[str]
    conflicts: int = Field(description="Decisions that were refused because somebody else had decided.")
    decisions: int = Field(description="That the pages said were recorded.")
    lost: int = Field(description="Of these, those that the store does not have.")
    rss_mb_before: int = Field(description="Of the server, once all users have seen their first page.")
    rss_mb_halfway: int
    rss_mb_after: int
    cpu_share: float = Field(description="Of one core, that the server took.")
    review: KeyboardFigures | None = None


@dataclass
class Tally:
    """What the users met so far."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    decisions: int = 0

    def note(self, action: str, run: Run) -> Run:
        """Count a request. Returns it."""
        self.seconds[action].append(run.seconds)
        self.conflicts += sum(bool(CONFLICT.search(each)) for each in run.problems)
        self.errors.update(each for each in run.problems if not CONFLICT.search(each))
        self.errors.update(run.crashes)
        return run


def measure(
    *, users: int, seconds: float, think_seconds: float, products: int, workspace: Path | None, review: int
) -> StudioFigures:
    """Let users work for so long on a copy of a workspace, or on synthetic products. Raises StudioBenchError.

    review: cases that are then decided in a browser, by keyboard alone.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="walmart-bench-")))
        settings = Settings.model_validate({"workspace": folder})
        count = prepare(settings, workspace, products)
        add_users(settings, users)
        with studio(settings) as (url, process):
            try:
                figures = asyncio.run(_crowd(url, process, settings, users, seconds, think_seconds))
            except SessionError as error:
                raise StudioBenchError(f"the Studio is no longer there: {error}") from error
        if review:
            settings.studio_users.unlink()
            with studio(settings) as (url, _):
                figures["review"] = studio_keyboard.measure(url, review)
    return StudioFigures(products=count, **figures)


def prepare(settings: Settings, workspace: Path | None, products: int) -> int:
    """Make the workspace. Returns its number of products."""
    if workspace:
        source = Settings.model_validate({"workspace": workspace})
        if not source.warehouse.exists():
            raise StudioBenchError(f"there is no warehouse in {workspace}: `walmart-pipeline run` makes one")
        with FileWarehouse(source.warehouse).reading():
            shutil.copyfile(source.warehouse, settings.warehouse)
    with FileWarehouse(settings.warehouse).writing() as db:
        if not workspace:
            synthetic_catalog.make(db, products)
            synthetic_catalog.write_texts(db, TemplateWriter(Judge(profiles.load(settings.policy))))
            synthetic_catalog.review(db)
        return db.count("catalog.products")


def add_users(settings: Settings, users: int) -> None:
    """Let so many simulated users sign in."""
    from argon2 import PasswordHasher

    entry = {"password": PasswordHasher().hash(PASSWORD), "roles": ["reviewer", "writer"]}
    settings.studio_users.write_text(json.dumps({f"user{number}": entry for number in range(users)}), encoding="utf-8")


@contextmanager
def studio(settings: Settings) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start the Studio of a workspace as users do. Yields its address once it listens, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("walmart-pipeline"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WALMART_")}
    command = [program, "studio", "--port", str(port), "--home", str(settings.workspace)]
    log = settings.workspace / "studio.log"
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, env=environment | {"WALMART_PROVIDER": "template"}, stdout=file, stderr=file
        )
    try:
        url = f"http://127.0.0.1:{port}"
        ends = time.monotonic() + START_SECONDS
        while not _answers(f"{url}/_stcore/health"):
            if process.poll() is not None or time.monotonic() > ends:
                raise StudioBenchError(f"the Studio did not start ({process.poll()}): {log.read_text()[-2_000:]}")
            time.sleep(0.05)
        yield url, process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):  # noqa: S310 - on this machine
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


async def _crowd(
    url: str, process: subprocess.Popen[bytes], settings: Settings, users: int, seconds: float, think_seconds: float
) -> dict[str, object]:
    import aiohttp

    tally = Tally()
    async with aiohttp.ClientSession() as client:
        first = await StudioSession.connect(client, url)
        first_visit = (await first.open()).seconds
        first_sign_in = (await _sign_in(first, 0)).seconds
        first_review = (await first.open("review")).seconds
        await first.close()
        everybody = [SimulatedUser(client, url, number, think_seconds, tally) for number in range(users)]
        await asyncio.gather(*(each.arrive() for each in everybody))
        before, cpu, began = resource_usage.rss_mb(process.pid), resource_usage.cpu_seconds_of(process.pid), time.time()
        ends = time.monotonic() + seconds
        work = asyncio.gather(*(each.work(ends) for each in everybody))
        await asyncio.sleep(seconds / 2)
        halfway = resource_usage.rss_mb(process.pid)
        await work
        took = time.time() - began
        cpu = resource_usage.cpu_seconds_of(process.pid) - cpu
        after = resource_usage.rss_mb(process.pid)
        await asyncio.gather(*(each.leave() for each in everybody))
    with ReviewStore(settings.reviews_url) as store:
        kept = len(store.decisions())
    times = [each for action in tally.seconds.values() for each in action]
    return {
        "users": users,
        "seconds": round(took, 1),
        "think_seconds": think_seconds,
        "first_visit": round(first_visit, 2),
        "first_sign_in": round(first_sign_in, 2),
        "first_review": round(first_review, 2),
        "requests": len(times),
        "per_second": round(len(times) / took, 1),
        "all_requests": _percentiles(times),
        "by_action": {action: _percentiles(tally.seconds[action]) for action in sorted(tally.seconds)},
        "errors": tally.errors.total(),
        "problems": [f"{count} x {problem}" for problem, count in tally.errors.most_common(MOST_PROBLEMS)],
        "conflicts": tally.conflicts,
        "decisions": tally.decisions,
        "lost": max(0, tally.decisions - kept),
        "rss_mb_before": before,
        "rss_mb_halfway": halfway,
        "rss_mb_after": after,
        "cpu_share": round(cpu / took, 2),
    }


def _percentiles(seconds: list[float]) -> ResponseTimes:
    import numpy as np

    p50, p95, p99, worst = (round(float(each), 3) for each in np.percentile(seconds, [50, 95, 99, 100]))
    return ResponseTimes(count=len(seconds), p50=p50, p95=p95, p99=p99, worst=worst)


async def _sign_in(session: StudioSession, number: int) -> Run:
    session.fill("Name", f"user{number}")
    session.fill("Password", PASSWORD)
    return await session.press("Sign in")


class SimulatedUser:
    """One person in one tab. The same number does the same again."""

    def __init__(
        self, client: aiohttp.ClientSession, url: str, number: int, think_seconds: float, tally: Tally
    ) -> None:
        self._client, self._url, self._number = client, url, number
        self._random = random.Random(number)  # noqa: S311 - no secret
        self._think, self._tally = think_seconds, tally
        self._kind = SHARES[number % len(SHARES)]

    async def arrive(self) -> None:
        """Sign in, and see the first page."""
        # People come one after the other.
        await asyncio.sleep(self._random.uniform(0, self._think))
        self._session = await StudioSession.connect(self._client, self._url)
        self._tally.note("visit", await self._session.open())
        self._tally.note("sign in", await _sign_in(self._session, self._number))
        await self._open("review" if self._kind == "review" else "write")

    async def leave(self) -> None:
        """Close the tab."""
        await self._session.close()

    async def work(self, ends: float) -> None:
        """Do one thing after the other until it is time to go."""
        steps = {"review": self._review, "write": self._write, "look": self._look}[self._kind]
        while time.monotonic() < ends:
            try:
                async for _ in steps():
                    await asyncio.sleep(self._random.uniform(0.5, 1.5) * self._think)
                    if time.monotonic() >= ends:
                        return
            except SessionError as error:
                self._tally.errors[f"{self._kind}: {error}"] += 1
                await self._session.close()
                self._session = await StudioSession.connect(self._client, self._url)
                await self._session.open()
                await _sign_in(self._session, self._number)
                await self._open(self._kind if self._kind != "look" else "dashboards")

    async def _open(self, page: str) -> Run:
        return self._tally.note(f"open {page}", await self._session.open(page))

    async def _press(self, action: str, label: str) -> Run:
        return self._tally.note(action, await self._session.press(label))

    async def _decide(self, action: str, label: str) -> None:
        run = await self._press(action, label)
        self._tally.decisions += not run.problems and not run.crashes

    async def _review(self) -> AsyncIterator[None]:
        choice = self._random.random()
        if choice < 0.35 and self._session.can_press("Accept"):
            await self._decide("accept", "Accept")
        elif choice < 0.5 and self._session.can_press("Reject"):
            await self._press("open a panel", "Reject")
            yield
            # The panel is not there if somebody else decided just before.
            if self._session.can_press("Reads badly"):
                await self._decide("reject", "Reads badly")
        elif choice < 0.65 and self._session.can_press("☆"):
            await self._decide("rate", "☆")
        elif choice < 0.7 and self._session.can_press("Undo"):
            await self._decide("undo", "Undo")
        elif self._session.can_press("Next"):
            await self._press("next case", "Next")
        else:
            await self._open("review")
        yield

    async def _write(self) -> AsyncIterator[None]:
        await self._open("write")
        yield
        number = self._random.randrange(1_000_000)
        self._session.fill("Product name", f"Brindlewick Kettle {number}, 1.7 L, Matte Navy")
        self._session.fill("Brand", "Brindlewick")
        self._session.fill("Features", FEATURES)
        self._session.fill("Attributes", "Material: stainless steel\nColor: navy\nCapacity: 1.7 L")
        self._session.fill("Description of the source", DESCRIPTION)
        await self._press("write a text", "Write")
        yield
        await self._press("write again", "Regenerate")
        yield

    async def _look(self) -> AsyncIterator[None]:
        for page in ("dashboards", "export", "preferences"):
            await self._open(page)
            yield
