"""Commands of the service: serve it, and its accounts."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import click

from edumetrics.cli.base import load_workspace, main, say
from edumetrics.errors import SettingsError

if TYPE_CHECKING:
    from types import ModuleType

    from edumetrics.workspace import Workspace

# The advisor whom every demo college has, so that there is one account to try.
DEMO_ADVISOR = "ADV001"
# Where it is served, unless one says otherwise.
HOST, PORT = "127.0.0.1", 8000


@main.command()
@click.option("--host", default=HOST, show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port to listen on.",
)
def serve(host: str, port: int) -> None:
    """Serve the portal and the API; a proxy with TLS stands in front of it."""
    _require_extra()
    import uvicorn

    from edumetrics.service.app import configure_server, create_app

    app = create_app(load_workspace())
    with _listen(host, port) as listening:
        # With port 0 the system has chosen one.
        chosen = listening.getsockname()[1]
        say(f"EduMetrics serves at http://{_bracket(host)}:{chosen}: end it with Ctrl-C.")
        uvicorn.Server(configure_server(app, host, chosen)).run([listening])


def _bracket(host: str) -> str:
    """Return a host as addresses of pages write it."""
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        SettingsError: nothing can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    # A host that is no text for a name server raises UnicodeError.
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no such host"
        raise SettingsError(
            f"Cannot listen at {_bracket(host)}:{port} ({why}): choose another --host or --port."
        ) from error


@main.group()
def account() -> None:
    """Add, shut and open accounts of the service."""


@account.command()
@click.argument("username")
@click.option("--role", required=True, help="advisor, head, analyst or operator.")
@click.option(
    "--person", default="", help="The advisor_id of an advisor; a head's name in mail.yml, or all."
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add(username: str, role: str, person: str, password_stdin: bool) -> None:
    """Add an account; without --password-stdin its password is made up, and printed once."""
    accounts, workspace = _require_extra(), load_workspace()
    secret = _read_password(password_stdin)
    chosen = secret or accounts.make_password()
    accounts.add_account(workspace.store, workspace.params, username, role, person, chosen)
    say(f"Added {username}." if secret else f"Added {username}, with the password {chosen}")


@account.command()
@click.argument("username")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def password(username: str, password_stdin: bool) -> None:
    """Give an account a new password, open it, and end what is signed in with it."""
    accounts, workspace = _require_extra(), load_workspace()
    secret = _read_password(password_stdin)
    chosen = secret or accounts.make_password()
    accounts.set_password(workspace.store, username, chosen)
    say("The password is changed." if secret else f"The new password is {chosen}")


@account.command()
@click.argument("username")
def disable(username: str) -> None:
    """Shut an account, and end at once what is signed in with it."""
    _require_extra().disable_account(load_workspace().store, username)
    say(f"Shut {username}.")


def add_demo_account(workspace: Workspace) -> str:
    """Return the password of a new account for the demo's advisor; empty where there is one.

    It is empty as well without the extra, and for a college that has no such advisor.
    """
    try:
        from edumetrics.service import accounts
    except ImportError:
        return ""
    store = workspace.store
    known = store.has_rows("accounts", username=DEMO_ADVISOR)
    if known or not store.has_rows("weekly_metrics", advisor_id=DEMO_ADVISOR):
        return ""
    made = accounts.make_password()
    accounts.add_account(
        store, workspace.params, DEMO_ADVISOR, accounts.ADVISOR, DEMO_ADVISOR, made
    )
    return made


def _read_password(wanted: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if wanted else ""


def _require_extra() -> ModuleType:
    """Return the module of accounts.

    Raises:
        SettingsError: the extra is not installed.
    """
    try:
        from edumetrics.service import accounts
    except ImportError:
        raise SettingsError(
            "The service needs the extra `serve`: run pip install 'edumetrics[serve]'."
        ) from None
    return accounts
