"""Review cases decided in a real browser, by keyboard alone, as fast as the page lets anybody."""

from __future__ import annotations

import time

from pydantic import BaseModel, Field

# Installed by Debian and Ubuntu; elsewhere Playwright brings its own.
CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 60_000
# The line below a case's name: its place in the queue, and its product.
PLACE = ".stMainBlockContainer h2 + p"
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
# The page is idle and shows another case.
MOVED_ON = f"before => document.querySelector('{IDLE}') && document.querySelector('{PLACE}')?.innerText !== before"
# Every so many cases are rated first, or rejected with a reason.
RATED_EVERY, REJECTED_EVERY = 7, 5


class KeyboardFigures(BaseModel):
    """What a reviewer's keyboard did. seconds without anybody's reading: from a key until the page takes the next."""

    cases: int
    keys: int
    seconds: float
    per_case_p50: float = Field(description="From the verdict's key until the next case is open.")
    per_case_p95: float
    per_case_worst: float
    accepted: int
    rejected: int


class KeyboardBenchError(RuntimeError):
    """The queue could not be worked through; the message says why."""


def measure(url: str, cases: int) -> KeyboardFigures:
    """Decide on so many cases of the queue. Raises KeyboardBenchError."""
    import numpy as np

    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise KeyboardBenchError("--review needs Playwright: install walmart-pipeline[browser]") from error

    keys, seconds, rejected = 0, [], 0
    began = time.monotonic()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        try:
            page.goto(f"{url}/review")
            page.wait_for_selector(PLACE)
            page.wait_for_selector(IDLE)
            began = time.monotonic()
            for number in range(1, cases + 1):
                before = page.locator(PLACE).inner_text()
                if before.startswith("not in this queue"):
                    raise _too_few(number - 1, cases)
                if number % RATED_EVERY == 0:
                    page.keyboard.press("4")
                    page.get_by_text("4 ★:").wait_for()
                    page.wait_for_selector(IDLE)
                    keys += 1
                accept = page.get_by_role("button", name="Accept")
                is_rejected = number % REJECTED_EVERY == 0 or not accept.is_enabled()
                at = time.perf_counter()
                if is_rejected:
                    page.keyboard.press("x")
                    page.get_by_text("Why is it rejected?").wait_for()
                    page.wait_for_selector(IDLE)
                page.keyboard.press("s" if is_rejected else "a")
                page.wait_for_function(MOVED_ON, arg=before)
                if number < cases and not page.locator(PLACE).count():
                    raise _too_few(number, cases)
                seconds.append(time.perf_counter() - at)
                rejected += is_rejected
                keys += 1 + is_rejected
        except Error as error:
            raise KeyboardBenchError(f"after {len(seconds)} cases: {error.message.splitlines()[0]}") from error
        finally:
            browser.close()
    p50, p95, worst = (round(float(each), 2) for each in np.percentile(seconds, [50, 95, 100]))
    return KeyboardFigures(
        cases=cases,
        keys=keys,
        seconds=round(time.monotonic() - began, 1),
        per_case_p50=p50,
        per_case_p95=p95,
        per_case_worst=worst,
        accepted=cases - rejected,
        rejected=rejected,
    )


def _too_few(found: int, wanted: int) -> KeyboardBenchError:
    return KeyboardBenchError(f"the queue has {found} case{'s' if found != 1 else ''}, not {wanted}: raise --products")
