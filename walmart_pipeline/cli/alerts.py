"""The command `alerts`."""

from __future__ import annotations

import typer

from walmart_pipeline.cli.options import Home, settings_from
from walmart_pipeline.cli.terminal import output

app = typer.Typer(help="Alerts of failed runs: WALMART_ALERT_URLS.", no_args_is_help=True)


@app.callback()
def alerts() -> None:
    """Alerts of failed runs: WALMART_ALERT_URLS."""


@app.command()
def test(home: Home = None) -> None:
    """Send a test message to every channel. Exits with 1 if one of them does not take it."""
    from walmart_pipeline.automation import alerts

    settings = settings_from(workspace=home)
    body = f"Failed runs are reported here. Dagster: {settings.ui_url}"
    refused = alerts.send(settings, "walmart_pipeline: a test", body, "info")
    services, misunderstood = alerts.services(settings)
    for service in services:
        output.print(f"{service}: {'not delivered' if service in refused else 'sent'}")
    if misunderstood:
        output.print(f"{misunderstood} URLs are not understood")
    raise typer.Exit(1 if refused or misunderstood else 0)
