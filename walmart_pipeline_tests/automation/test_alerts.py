"""Alerts of failed runs, sent to a real webhook on the loopback interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.tags import WILL_RETRY_TAG
from typer.testing import CliRunner

from walmart_pipeline.automation import run_tags
from walmart_pipeline.automation.alerts import AlertError, alerts_sensor
from walmart_pipeline.automation.run_failures import failure
from walmart_pipeline.cli import app, doctor
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse, WarehouseError

SECRET = "t0ken-that-nobody-sees"


class Webhook:
    """Takes alerts, and answers with `status`."""

    def __init__(self) -> None:
        self.status, self.alerts = 200, list[dict[str, Any]]()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                alert = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if webhook.status == 200:
                    webhook.alerts.append(alert)
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/{SECRET}"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@dg.op
def quality__scores() -> None:
    raise dg.Failure("the warehouse is full")


@dg.job
def nightly() -> None:
    quality__scores()


class Alerts:
    def __init__(self, workspace: Path, urls: str | None) -> None:
        self.settings = Settings(workspace=workspace, alert_urls=urls, ui_url="http://dagster.example/")
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: str | None = None
        self.tick()

    def fail(self, **tags: str) -> str:
        return nightly.execute_in_process(instance=self.instance, raise_on_error=False, tags=tags).run_id

    def tick(self) -> str:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources={"settings": self.settings}
        )
        data = alerts_sensor.evaluate_tick(context)
        self.cursor = data.cursor
        return data.skip_message or ""


def test_runs_that_failed_are_in_one_message_with_what_failed_and_the_link(tmp_path: Path, webhook: Webhook) -> None:
    alerts = Alerts(tmp_path, webhook.url)
    runs = [alerts.fail(**{run_tags.REASON: "feeds are new"}) for _ in range(2)]
    alerts.tick()
    alerts.tick()
    (alert,) = webhook.alerts
    assert (alert["title"], alert["type"]) == ("walmart_pipeline: 2 runs failed", "failure")
    assert alert["message"].splitlines() == [
        "nightly failed (2 runs): quality/scores: the warehouse is full",
        "it ran because: feeds are new",
        *(f"http://dagster.example/runs/{run}" for run in runs),
    ]


def test_a_rollout_that_was_stopped_is_reported_once_even_if_the_warehouse_was_in_use(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = Alerts(tmp_path, webhook.url)
    with FileWarehouse(alerts.settings.warehouse).writing() as db:
        for number, (phase, model) in enumerate([("stopped", "walmart-gpt-basic:1.1.0"), ("full", "other")]):
            row = {"promotion": number, "provider": "ollama", "model": model, "phase": phase}
            decided = {"decided_at": datetime.now(UTC), "reason": "the canary's texts are worse: -4.1 points"}
            db.append("content.rollouts", [row | decided])
    with monkeypatch.context() as patch:
        patch.setattr(FileWarehouse, "reading", in_use)
        alerts.tick()
    assert webhook.alerts == []
    assert alerts.tick() == "sent: 1 rollout stopped"
    assert alerts.tick() == "no run has failed"
    (alert,) = webhook.alerts
    assert alert["title"] == "walmart_pipeline: 1 rollout stopped"
    assert "walmart-gpt-basic:1.1.0 (ollama) was stopped: the canary's texts are worse: -4.1" in alert["message"]


def in_use(_: Warehouse) -> None:
    raise WarehouseError("in use")


def test_of_a_blocking_check_its_finding_is_reported() -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("volume", asset="feeds", blocking=True)])
    def feeds():  # type: ignore[no-untyped-def]  # dagster takes no annotation beside check_specs
        found = dg.AssetCheckResult(check_name="volume", passed=False, description="garden.csv: it has 4 rows")
        return dg.MaterializeResult(check_results=[found])

    events = dg.materialize([feeds], raise_on_error=False).all_events
    assert str(failure(events)) == "feeds: volume: garden.csv: it has 4 rows"


def test_an_alert_that_no_channel_took_is_sent_by_the_next_tick_and_the_secret_is_in_no_message(
    tmp_path: Path, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    alerts = Alerts(tmp_path, webhook.url)
    alerts.fail()
    webhook.status = 500
    with pytest.raises(AlertError, match=r"was not delivered: no channel took it \(JSON\)") as raised:
        alerts.tick()
    webhook.status = 200
    alerts.tick()
    assert len(webhook.alerts) == 1
    seen = [str(raised.getrepr()), caplog.text, alerts.cursor, repr(alerts.settings), str(webhook.alerts)]
    assert not [text for text in seen if text and SECRET in text]


def test_what_the_daemon_repeats_and_what_failed_before_alerts_were_set_is_not_reported(
    tmp_path: Path, webhook: Webhook
) -> None:
    alerts = Alerts(tmp_path, None)
    alerts.fail()
    assert alerts.tick() == "off: WALMART_ALERT_URLS is not set"
    alerts.settings = Alerts(tmp_path, webhook.url).settings
    alerts.fail(**{WILL_RETRY_TAG: "true"})
    assert alerts.tick() == "no run has failed"
    assert webhook.alerts == []


def test_a_test_message_is_sent_and_doctor_names_the_services(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WALMART_ALERT_URLS", f"{webhook.url} nonsense://{SECRET}")
    done = CliRunner().invoke(app, ["alerts", "test", "--home", str(tmp_path)])
    assert done.stdout.splitlines() == ["JSON: sent", "1 URLs are not understood"]
    assert done.exit_code == 1
    assert webhook.alerts[0]["title"] == "walmart_pipeline: a test"
    (found,) = [each for each in doctor._configured(Settings(workspace=tmp_path)) if each.name == "alerts"]
    assert (found.state, found.detail) == ("bad", "set: JSON")
    assert SECRET not in found.model_dump_json() + done.output


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_backup_that_fails_at_night_is_heard_of(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, is_heard: bool
) -> None:
    monkeypatch.setenv("WALMART_ALERT_URLS", webhook.url)
    webhook.status = 200 if is_heard else 500
    in_the_way = tmp_path / "backup"
    in_the_way.write_text("")
    done = CliRunner().invoke(app, ["backup", "--alert", str(in_the_way), "--home", str(tmp_path / "home")])
    assert done.exit_code == 1
    assert "never overwritten" in done.stderr
    assert [alert["title"] for alert in webhook.alerts] == ["walmart_pipeline: the backup failed"] * is_heard
