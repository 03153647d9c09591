"""The commands `studio` and `studio users`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer
from rich.markup import escape

from walmart_pipeline.cli.options import Home, settings_from, usage_error
from walmart_pipeline.cli.terminal import console, output
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.warehouse import WarehouseBusyError

app = typer.Typer(invoke_without_command=True)
users = typer.Typer(help="Who may sign in to the Studio.", no_args_is_help=True)
app.add_typer(users, name="users")


@app.callback(invoke_without_command=True)
def studio(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port of the Studio.")] = 8501,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others can reach needs sign-in.")
    ] = "127.0.0.1",
    home: Home = None,
) -> None:
    """Start the Studio: write, review, rate, export and understand listings in the browser."""
    from walmart_pipeline.core import workspace
    from walmart_pipeline.studio import server

    if context.invoked_subcommand:
        return
    chosen = settings_from(workspace=home)
    command = server.command(chosen, host=host, port=port)
    workspace.prepare(chosen)
    warehouse = warehouses.of(chosen, 0)
    if warehouse.exists():
        # The Studio itself only reads: a warehouse of an older version is migrated here, or by the run that holds it.
        with suppress(WarehouseBusyError), warehouse.reading():
            pass
    # Ignored in a background job of a shell: then nothing would stop it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    console.print(f"The Studio at http://{host}:{port} — stop it with Ctrl-C")
    os.execv(sys.executable, command)  # noqa: S606


@users.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Name, or the e-mail address of an OpenID Connect account.")],
    role: Annotated[list[str], typer.Option(help="writer, reviewer or admin; may be repeated.")],
    openid: Annotated[bool, typer.Option("--openid", help="Signs in by OpenID Connect: no password.")] = False,
    home: Home = None,
) -> None:
    """Add a user, or replace one. Asks for the password; only its argon2 hash is stored."""
    from walmart_pipeline.studio.access import ROLES
    from walmart_pipeline.studio.users import UserFile

    if unknown := set(role) - {*ROLES}:
        usage_error(f"--role: {', '.join(sorted(unknown))}: use {', '.join(ROLES)}")
    password = None if openid else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    file = UserFile(settings_from(workspace=home).studio_users)
    file.add(name, password, [each for each in ROLES if each in role])
    output.print(f"{escape(name)}: {', '.join(role)}")


@users.command("list")
def list_users(home: Home = None) -> None:
    """List the users and their roles."""
    from walmart_pipeline.studio.users import UserFile

    for name, user in UserFile(settings_from(workspace=home).studio_users).users().items():
        how = "password" if user.password else "OpenID Connect"
        output.print(f"{escape(name)}: {', '.join(user.roles)} ({how})")


@users.command("remove")
def remove_user(name: str, home: Home = None) -> None:
    """Remove a user, who is out with the next click."""
    from walmart_pipeline.studio.users import UserFile

    UserFile(settings_from(workspace=home).studio_users).remove(name)
    output.print(f"removed {escape(name)}")
