"""Diagnoses the installation, the configuration and the model servers. A secret is shown as "set" or "not set"."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Iterator
from typing import Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel

from walmart_pipeline.core import warehouses
from walmart_pipeline.core.settings import Settings

State: TypeAlias = Literal["good", "note", "bad"]

LIBRARIES = ("dagster", "dagster-webserver", "duckdb", "pyarrow", "great-expectations", "pydantic", "matplotlib")

# A workspace with a million products takes some 10 GB.
FREE_GB = 10
REACH_SECONDS = 3.0


class Diagnosis(BaseModel):
    """The result of one check, with the remedy for a problem."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> list[Diagnosis]:
    """Check everything that a run requires or can use."""
    return [*_installed(), *_configured(settings), *_reachable(settings)]


def _installed() -> Iterator[Diagnosis]:
    yield Diagnosis(name="Python", state="good", detail=platform.python_version())
    for library in LIBRARIES:
        try:
            yield Diagnosis(name=library, state="good", detail=importlib.metadata.version(library))
        except importlib.metadata.PackageNotFoundError:
            yield Diagnosis(name=library, state="bad", detail="not installed", remedy="run `make setup`")


def _configured(settings: Settings) -> Iterator[Diagnosis]:
    folder = next(path for path in (settings.workspace, *settings.workspace.parents) if path.exists())
    free = shutil.disk_usage(folder).free / 1e9
    yield Diagnosis(
        name="workspace",
        state="good" if free >= FREE_GB else "note",
        detail=f"{settings.workspace}, {free:.0f} GB free",
        remedy="" if free >= FREE_GB else f"a million products need about {FREE_GB} GB",
    )
    yield from examine_warehouse(settings)
    yield _policy(settings)
    yield Diagnosis(name="environment", state="good", detail=settings.environment)
    yield Diagnosis(name="provider", state="good", detail=settings.provider)
    yield Diagnosis(name="ledger", state="good", detail=without_secrets(settings.ledger))
    for name, value in (("OPENAI_API_KEY", settings.openai_api_key), ("OLLAMA_API_KEY", settings.ollama_api_key)):
        yield Diagnosis(name=name, state="good", detail="set" if value else "not set")
    yield _alerts(settings)


def _alerts(settings: Settings) -> Diagnosis:
    from walmart_pipeline.automation import alerts

    if settings.alert_urls is None:
        return Diagnosis(name="alerts", state="good", detail="off: WALMART_ALERT_URLS is not set")
    services, misunderstood = alerts.services(settings)
    return Diagnosis(
        name="alerts",
        state="bad" if misunderstood or not services else "good",
        detail=f"set: {', '.join(services) or 'no channel'}",
        remedy=f"WALMART_ALERT_URLS: {misunderstood} URLs are not understood, see https://appriseit.com/services/"
        if misunderstood
        else "`walmart-pipeline alerts test` sends one",
    )


def examine_warehouse(settings: Settings) -> Iterator[Diagnosis]:
    """Check the warehouse, and each part of a lake; what comes after a part that is missing is not looked at."""
    from walmart_pipeline.core.lake_warehouse import LakeWarehouse
    from walmart_pipeline.core.warehouse import WarehouseError

    try:
        warehouse = warehouses.of(settings, 0)
        if isinstance(warehouse, LakeWarehouse):
            yield Diagnosis(name="lake extensions", state="good", detail=warehouse.load_extensions())
            state = warehouse.catalog.state()
            yield Diagnosis(name="lake catalog", state="good", detail=warehouse.catalog.name)
            yield Diagnosis(name="lake files", state="good", detail=warehouse.reach_data(state))
        if warehouse.exists():
            with warehouse.reading() as db:
                count, version = db.count("catalog.products"), db.value("select max(version) from main.migrations")
            yield Diagnosis(name="warehouse", state="good", detail=f"{count:,} products, version {version}")
        else:
            remedy = "`walmart-pipeline run --catalog FILE` creates it"
            yield Diagnosis(name="warehouse", state="note", detail="none yet", remedy=remedy)
    except WarehouseError as error:
        yield Diagnosis(name="warehouse", state="bad", detail=str(error))


def _policy(settings: Settings) -> Diagnosis:
    from walmart_pipeline.judge import profiles

    try:
        return Diagnosis(name="policy", state="good", detail=profiles.load(settings.policy).label)
    except profiles.PolicyError as error:
        return Diagnosis(name="policy", state="bad", detail=str(error), remedy="set WALMART_POLICY")


def _reachable(settings: Settings) -> Iterator[Diagnosis]:
    """Ollama is optional: the template writer needs no server, and a Modelfile is built without one."""
    for url in filter(None, (settings.ollama_base_url, settings.cloud_ollama_url)):
        yield _ollama(url)
    if settings.fact_check:
        yield _fact_check(settings, settings.fact_check)
    if settings.celery_broker:
        yield _queue(settings.celery_broker.get_secret_value())


def _queue(broker: str) -> Diagnosis:
    try:
        import redis

        with redis.Redis.from_url(broker, socket_connect_timeout=REACH_SECONDS, socket_timeout=REACH_SECONDS) as queue:
            queue.ping()
    except ModuleNotFoundError as error:
        remedy = "pip install 'walmart-pipeline[scale]'"
        return Diagnosis(name="queue", state="bad", detail=f"{error.name} is not installed", remedy=remedy)
    except (redis.RedisError, ValueError):
        remedy = "start Redis, or correct WALMART_CELERY_BROKER"
        return Diagnosis(name="queue", state="bad", detail=f"no answer at {without_secrets(broker)}", remedy=remedy)
    return Diagnosis(name="queue", state="good", detail=without_secrets(broker))


def _fact_check(settings: Settings, named: str) -> Diagnosis:
    from walmart_pipeline.core.errors import UserError
    from walmart_pipeline.generation import fact_checker
    from walmart_pipeline.judge import profiles
    from walmart_pipeline.judge.judge import Judge

    try:
        quick = settings.model_copy(update={"max_response_time": REACH_SECONDS})
        checker = fact_checker.fact_checker(quick, Judge(profiles.load(settings.policy)))
        served_at = checker.served_at() if checker else ""
    except UserError as error:
        return Diagnosis(
            name="fact check",
            state="bad",
            detail=f"{named}: {error}",
            remedy="start or pull the model, or unset WALMART_FACT_CHECK",
        )
    return Diagnosis(name="fact check", state="good", detail=f"{named} at {served_at}")


def _ollama(url: str) -> Diagnosis:
    import httpx

    shown = without_secrets(url)
    try:
        answer = httpx.get(f"{url.rstrip('/')}/api/version", timeout=REACH_SECONDS)
        version = answer.raise_for_status().json()["version"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        return Diagnosis(
            name="Ollama",
            state="note",
            detail=f"does not answer at {shown} ({type(error).__name__})",
            remedy="optional: start it with `ollama serve`, or set OLLAMA_BASE_URL",
        )
    return Diagnosis(name="Ollama", state="good", detail=f"{version} at {shown}")


def without_secrets(url: str) -> str:
    """A URL without user, password, query and fragment, which may contain keys."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
