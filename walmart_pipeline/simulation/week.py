"""The simulated days: what suppliers, reviewers and servers do, and when the pipeline is given time to react."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from pydantic import SecretStr

from walmart_pipeline.automation import run_tags
from walmart_pipeline.automation.sensors import INBOX_REASON, INBOX_STATE
from walmart_pipeline.benchmarks.server import Behaviour, ModelServer
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews import ratings
from walmart_pipeline.simulation import diary as diaries
from walmart_pipeline.simulation.daemon import Daemon, SimulationError
from walmart_pipeline.simulation.diary import Day, Diary, Drift, Kill, Outage
from walmart_pipeline.simulation.supplier import FILES, Supplier, file_of
from walmart_pipeline.simulation.webhook import Webhook
from walmart_pipeline.stages.quality.drift import LEAST_TEXTS

# Lean until a model is made with examples, which then is better and is promoted.
NORMAL = Behaviour(latency=0.05, lean=True)
# Long enough to be killed in the midst of a run.
SLOW = replace(NORMAL, latency=3.0)
CONCURRENCY = 8
# Both servers are rented. A run may cost more than twice the longest call at both, which is reserved.
USD_PER_HOUR = 2.49
BUDGET_USD = 1.0
# As often as the daemon looks whether a sensor is due.
SENSOR_SECONDS = 5
# Switched on from the first day; the growth of the dataset is watched from the day of the retraining on.
SENSORS = ("inbox", "feedback", "promotion", "quality_drift")
# Both have more products than a category needs to be watched for drift.
DRIFTING = ("Pets", "Tools & Hardware")
FIRST_DRIFT_DAY = 6
RATED, REJECTED = 24, 4
# Less than WALMART_FEED_QUIET_SECONDS, after which a file counts as complete.
HALF_WRITTEN_SECONDS = 3.0


def run(home: Path, *, days: int, products: int, seed: int, log: Callable[[str], None]) -> Diary:
    """Live through the days in a new folder, which stays. log: called with each event. Raises SimulationError."""
    diary = Diary(seed=seed, products=products, concurrency=CONCURRENCY, budget_usd=BUDGET_USD)
    supplier = Supplier(products, seed)
    _check_drifts(supplier, days)
    with ExitStack() as stack:
        servers = [
            stack.enter_context(ModelServer(NORMAL, log=home / f"model-server-{number}.log")) for number in (1, 2)
        ]
        webhook = stack.enter_context(Webhook(home / diaries.ALERTS))
        settings = _settings(home, [server.url for server in servers], webhook.url)
        daemon = stack.enter_context(Daemon(settings, _environment(settings), home / "daemon.log"))
        daemon.start()
        for name in SENSORS:
            daemon.switch(name, InstigatorType.SENSOR, on=True)
        week = Week(settings, supplier, servers, daemon, diary, log)
        for number in range(1, days + 1):
            week.live(number)
        week.end()
    return diary


def _check_drifts(supplier: Supplier, days: int) -> None:
    """Raise SimulationError if a drift would be waited for that nobody watches."""
    broad = Counter(record["category"][0] for record in supplier.products.values())
    for day, category in enumerate(DRIFTING, start=FIRST_DRIFT_DAY):
        if day <= days and broad[category] < LEAST_TEXTS:
            raise SimulationError(
                f"{broad[category]} products of {category} are too few for the drift of day {day}, which needs "
                f"{LEAST_TEXTS}: give more products, or fewer days"
            )


def _settings(home: Path, servers: list[str], webhook: str) -> Settings:
    """Settings of the daemon and its runs, whatever the user's own are."""
    # Noon now, so that the limits that hold for a day hold for the whole simulation.
    hours = datetime.now(UTC).hour - 12
    rents = "".join(f"  {server}: {USD_PER_HOUR}\n" for server in servers)
    prices = write_atomically(home / "prices.yaml", f"servers:\n{rents}")
    # As it is: validation would add what the environment and .env say.
    return Settings.model_construct(
        workspace=home,
        # Also over an address in .env.
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        provider="auto",
        base_url=",".join(servers),
        concurrency=CONCURRENCY,
        prices=prices,
        budget_usd=BUDGET_USD,
        sensor_seconds=SENSOR_SECONDS,
        alert_urls=SecretStr(webhook),
        time_zone=f"Etc/GMT{hours:+d}" if hours else "UTC",
        # The schedule is switched on at the end of a day, and off after its tick.
        nightly_cron="* * * * *",
        feedback_at_least=RATED,
        drift_runs_per_day=1,
    )


def _environment(settings: Settings) -> dict[str, str]:
    """The environment that gives another process these settings and none of the user's: no address, no key."""
    fields = Settings.model_fields.items()
    variables = {name: str(field.validation_alias or f"WALMART_{name.upper()}") for name, field in fields}
    environment = {name: value for name, value in os.environ.items() if name not in variables.values()}
    environment["DAGSTER_HOME"] = str(settings.dagster_home)
    for name, variable in variables.items():
        value = getattr(settings, name)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if plain is not None:
            environment[variable] = str(plain)
    return environment


class Week:
    """The events of each day. An event ends when the pipeline has reacted to it."""

    def __init__(
        self,
        settings: Settings,
        supplier: Supplier,
        servers: list[ModelServer],
        daemon: Daemon,
        diary: Diary,
        log: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._supplier = supplier
        self._servers = servers
        self._daemon = daemon
        self._diary = diary
        self._log = log
        self._warehouse = warehouses.of(settings)
        self._events = {
            1: self.first_delivery,
            2: self.prices_and_facts,
            3: self.servers_fail,
            4: self.better_model,
            5: self.ratings_and_full_disk,
            FIRST_DRIFT_DAY: self.drift_and_power_cut,
            FIRST_DRIFT_DAY + 1: self.drift_at_the_limit,
        }

    def live(self, number: int) -> None:
        """A day and its night."""
        self._day = Day(number=number, started=datetime.now(UTC))
        self._diary.days.append(self._day)
        self._events.get(number, self.ordinary_day)()
        self._note("night: the nightly schedule")
        self._daemon.night()
        self._day.ended = datetime.now(UTC)
        self._diary.save(self._settings.workspace)

    def end(self) -> None:
        """Wait for what is still to be done."""
        self._retry_failed_files()
        self._diary.save(self._settings.workspace)

    def first_delivery(self) -> None:
        """The whole range arrives; one file is written slowly."""
        self._diary.added[1] = list(self._supplier.products)
        self._note(f"the supplier's first files: {len(self._supplier.products)} products")
        with self._inbox_run():
            self._deliver(*FILES, slowly=True)

    def prices_and_facts(self) -> None:
        """Prices and weights change; the daemon is killed while the run for them writes."""
        many = max(2, len(self._supplier.products) // 20)
        changed = self._reprice(many) + self._reweigh(many)
        self._note(f"{many} other prices, {many} corrected weights")
        self._behave(SLOW)
        with self._inbox_run():
            self._deliver(*self._files(changed))
            self._kill_daemon(with_runs=False)
        self._behave(NORMAL)

    def servers_fail(self) -> None:
        """One server dies in the midst of a run, then the other; they are back before the night."""
        few = max(2, len(self._supplier.products) // 25)
        self._note(f"{few} new products; one of two model servers dies")
        self._behave(SLOW)
        with self._inbox_run():
            self._deliver(*self._files(self._add(few)))
            self._until_written()
            self._servers[0].kill()
        self._servers[1].kill()
        self._diary.server_kills += 2
        corrected, arrived = self._reweigh(few), self._add(few)
        self._note(f"both servers are down; {few} new products, {few} corrected weights")
        began = datetime.now(UTC)
        with self._inbox_run():
            self._deliver(*self._files(arrived + corrected))
        outage = Outage(began=began, ended=datetime.now(UTC), arrived=arrived, corrected=corrected)
        self._diary.outages.append(outage)
        self._note("the servers are back")
        for server in self._servers:
            server.start()
        self._behave(NORMAL)

    def better_model(self) -> None:
        """The dataset has grown: a retraining, whose better model is promoted and rolled out."""
        self._note("the growth of the dataset is watched: a retraining, its promotion, the rollout")
        self._diary.retrainings += 1
        self._daemon.switch("dataset_growth", InstigatorType.SENSOR, on=True)
        self._daemon.wait("a retraining", lambda: bool(self._daemon.runs(job="retrain")))
        self._daemon.idle("the retraining")
        self._daemon.switch("dataset_growth", InstigatorType.SENSOR, on=False)
        if self._count("select count(*) from models.promotions"):
            self._daemon.wait("the rollout", lambda: self._rollout() in ("full", "stopped"))
            self._daemon.idle("the rollout")

    def ratings_and_full_disk(self) -> None:
        """Reviewers rate texts, twice the same file; the folder of the exports is gone for one run."""
        self._note(f"{RATED} ratings, {REJECTED} of them bad, imported twice")
        feedback = len(self._daemon.runs(job="feedback"))
        self._rate()
        self._daemon.wait("the run for the ratings", lambda: len(self._daemon.runs(job="feedback")) > feedback)
        self._daemon.idle("the run for the ratings")
        few = max(2, len(self._supplier.products) // 25)
        changed = self._reprice(few) + self._reweigh(few)
        self._note(f"{few} other prices, {few} corrected weights; the exports can't be written")
        exports, aside = self._settings.exports, self._settings.workspace / "exports-aside"
        exports.rename(aside)
        exports.write_text("a file in the way", encoding="utf-8")
        with self._inbox_run():
            self._deliver(*self._files(changed))
        self._diary.broken_exports += 1
        exports.unlink()
        aside.rename(exports)
        alerts = self._settings.workspace / diaries.ALERTS
        self._daemon.wait("the alert", lambda: alerts.stat().st_size > 0)

    def drift_and_power_cut(self) -> None:
        """Poor texts about a category, and a power cut while they are written; then they are written again."""
        runs = len(self._daemon.runs(job="regenerate"))
        self._drift(DRIFTING[0], power_cut=True, is_limited=False)
        self._daemon.wait("the regeneration", lambda: len(self._daemon.runs(job="regenerate")) > runs)
        self._daemon.idle("the regeneration")

    def drift_at_the_limit(self) -> None:
        """Another category falls on the same day of the daemon's clock; a file is only touched."""
        # Its run would write the poor texts again before the sensor has seen them.
        self._retry_failed_files()
        self._drift(DRIFTING[1], power_cut=False, is_limited=True)
        self._daemon.look("quality_drift")
        name = self._files(self._diary.drifts[-1].products)[0]
        self._note("a file is touched, but not changed")
        (self._settings.inbox / name).touch()
        self._diary.touched += 1
        # For the first tick it may still be being written.
        self._daemon.look("inbox", times=2)

    def ordinary_day(self) -> None:
        """Some prices, some facts, some new products."""
        few = max(2, len(self._supplier.products) // 25)
        changed = self._reprice(few) + self._reweigh(few) + self._add(few)
        self._note(f"{few} other prices, {few} corrected weights, {few} new products")
        with self._inbox_run():
            self._deliver(*self._files(changed))

    def _retry_failed_files(self) -> None:
        """Wait until the inbox sensor has tried the files again whose runs failed."""
        state = self._settings.dagster_home / INBOX_STATE
        self._daemon.wait("the next run for a file whose run failed", lambda: not _unsettled(state))
        self._daemon.idle("that run")

    def _drift(self, category: str, *, power_cut: bool, is_limited: bool) -> None:
        ids = self._supplier.repack(category)
        self._diary.corrected.setdefault(self._day.number, []).extend(ids)
        self._note(f"{len(ids)} products of {category} have another package; a server writes poor texts about them")
        self._behave(replace(SLOW, terse=f"{category} >"))
        at = datetime.now(UTC)
        with self._inbox_run():
            self._deliver(*self._files(ids))
            if power_cut:
                self._kill_daemon(with_runs=True)
        self._behave(NORMAL)
        self._diary.drifts.append(Drift(category=category, products=ids, at=at, is_limited=is_limited))

    def _kill_daemon(self, *, with_runs: bool) -> None:
        self._until_written()
        run_id = self._inbox_runs()[0].run_id
        self._note("kill -9 of the daemon" + (", the code server and the run" if with_runs else ""))
        self._diary.kills.append(Kill(at=datetime.now(UTC), run=run_id, with_runs=with_runs))
        self._daemon.kill(with_runs=with_runs)
        self._daemon.start()

    def _until_written(self) -> None:
        """Wait until the servers, whose counters were cleared before, have answered a call."""
        self._daemon.wait("the first answer", lambda: any(each.stats()["answered"] for each in self._servers))

    @contextmanager
    def _inbox_run(self) -> Iterator[None]:
        """Deliver in this block; it ends when the run that the inbox sensor requests has ended."""
        before = len(self._inbox_runs())
        yield
        self._daemon.wait("the run for the inbox", lambda: len(self._inbox_runs()) > before)
        self._daemon.idle("the run for the inbox")

    def _inbox_runs(self) -> list[dg.DagsterRun]:
        return self._daemon.runs({run_tags.REASON: INBOX_REASON})

    def _deliver(self, *names: str, slowly: bool = False) -> None:
        """Write files into the inbox, and keep copies. slowly: the first one in two parts."""
        kept = self._settings.workspace / diaries.DELIVERIES / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        kept.mkdir(parents=True)
        for number, name in enumerate(names):
            content = self._supplier.file(name)
            if slowly and number == 0:
                # Not renamed into place: the sensor has to see that it is still being written.
                with (self._settings.inbox / name).open("wb") as file:
                    file.write(content[: len(content) // 2])
                    file.flush()
                    time.sleep(HALF_WRITTEN_SECONDS)
                    file.write(content[len(content) // 2 :])
            else:
                arriving = self._settings.inbox / f".{name}"
                arriving.write_bytes(content)
                arriving.rename(self._settings.inbox / name)
            shutil.copy(self._settings.inbox / name, kept / name)

    def _files(self, ids: list[str]) -> list[str]:
        """The files that products are in."""
        return sorted({file_of(self._supplier.products[product_id]) for product_id in ids})

    def _add(self, count: int) -> list[str]:
        added = self._supplier.add(count)
        self._diary.added.setdefault(self._day.number, []).extend(added)
        return added

    def _reprice(self, count: int) -> list[str]:
        # The others are asked for again anyway.
        with self._warehouse.reading() as db:
            accepted = {row["product_id"] for row in db.query("select product_id from quality.listings")}
        repriced = self._supplier.reprice(count, accepted)
        self._diary.repriced.setdefault(self._day.number, []).extend(repriced)
        return repriced

    def _reweigh(self, count: int) -> list[str]:
        corrected = self._supplier.reweigh(count)
        self._diary.corrected.setdefault(self._day.number, []).extend(corrected)
        return corrected

    def _rate(self) -> None:
        ids = sorted(self._supplier.products)[:RATED]
        self._diary.rejected = ids[:REJECTED]
        self._diary.ratings = RATED
        lines = [
            json.dumps({"product_id": each, "stars": 1 if each in self._diary.rejected else 5, "reviewer": "sim"})
            for each in ids
        ]
        file = write_atomically(self._settings.workspace / "ratings.jsonl", "\n".join(lines) + "\n")
        for _ in range(2):
            with self._warehouse.writing() as db:
                ratings.import_file(db, file, now=datetime.now(UTC))

    def _behave(self, behaviour: Behaviour) -> None:
        for server in self._servers:
            server.reset(behaviour)

    def _count(self, query: str) -> int:
        with self._warehouse.reading() as db:
            return int(db.value(query) or 0)

    def _rollout(self) -> str:
        with self._warehouse.reading() as db:
            return str(db.value("select phase from content.rollouts order by promotion desc limit 1") or "none")

    def _note(self, event: str) -> None:
        self._day.events.append(event)
        self._log(f"day {self._day.number}: {event}")


def _unsettled(state: Path) -> bool:
    """Whether the inbox sensor has a file whose run failed, or has not ended."""
    known = json.loads(state.read_text(encoding="utf-8"))
    return bool(known["failed"] or known["pending"])
