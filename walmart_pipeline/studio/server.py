"""How Streamlit is started for the Studio: its configuration, and what it may listen on."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings

SCRIPT = Path(__file__).parent / "script" / "start.py"
DEFAULT_PORT = 8501
# A feed of 100,000 products has 60 MB as CSV.
MAX_UPLOAD_MB = 100

# Walmart's blue; in the dark a lighter one, on which and beside which text has a contrast of 4.5 at least.
CONFIG: dict[str, object] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "global.developmentMode": False,
    "runner.magicEnabled": False,
    "server.enableXsrfProtection": True,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.maxUploadSize": MAX_UPLOAD_MB,
    "server.showEmailPrompt": False,
    "theme.baseRadius": "0.4rem",
    "theme.light.primaryColor": "#0053e2",
    "theme.light.backgroundColor": "#ffffff",
    "theme.light.secondaryBackgroundColor": "#f3f6fb",
    "theme.light.textColor": "#1a2233",
    "theme.dark.primaryColor": "#2f6bea",
    "theme.dark.linkColor": "#8ab4ff",
    "theme.dark.backgroundColor": "#11151d",
    "theme.dark.secondaryBackgroundColor": "#1b2230",
    "theme.dark.textColor": "#e8ecf4",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_open(settings: Settings, host: str) -> bool:
    """Whether others than the account that runs the Studio can reach it: directly, or through a proxy."""
    return settings.studio_url is not None or not is_loopback(host)


def command(settings: Settings, *, host: str, port: int) -> list[str]:
    """Return the arguments that start Streamlit. Raises UserError if others could get in without signing in."""
    has_sign_in = settings.studio_users.exists() or settings.studio_secrets.exists()
    if is_open(settings, host) and not has_sign_in:
        raise UserError(
            f"the Studio does not listen on {settings.studio_url or host} without sign-in: add users "
            f"(`walmart-pipeline studio users add`) or configure OpenID Connect in {settings.studio_secrets}"
        )
    config = CONFIG | {
        "server.address": host,
        "server.port": port,
        "secrets.files": [str(settings.studio_secrets)],
    }
    if is_loopback(host):
        # A page of the internet may have pointed its own name here.
        public = urlsplit(settings.studio_url or "").hostname
        config["server.allowedHosts"] = ["localhost", "127.0.0.1", "::1", *([public] if public else [])]
    flags = []
    for name, value in config.items():
        values = value if isinstance(value, list) else [str(value).lower() if isinstance(value, bool) else str(value)]
        flags += [f"--{name}={each}" for each in values]
    return [sys.executable, "-m", "walmart_pipeline.studio.serve", "run", str(SCRIPT), *flags]
