"""Commands about the users of the site."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polarnight.cli.common import GlobalOptions, Status, console, set_up
from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["user"]

user = typer.Typer(no_args_is_help=True, help="Users of the site: who may log in, and do what.")

Name = Annotated[str, typer.Argument(metavar="NAME")]
Group = Annotated[
    str, typer.Option("--group", metavar="GROUP", help="viewer, observer, operator or admin.")
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def _site(context: typer.Context) -> Settings:
    from polarnight.web.preparing import prepare_site, use_site_settings

    use_site_settings()
    options: GlobalOptions = context.obj
    settings = set_up(options)
    prepare_site(settings)
    return settings


def _find(name: str) -> Any:
    from django.contrib.auth.models import User

    found = User.objects.filter(username=name).first()
    if found is None:
        msg = f"there is no user {name!r}; `polarnight user list` shows all"
        raise ConfigError(msg)
    return found


def _password(account: Any, stdin: bool) -> str:
    """Ask for a password, or read it, and refuse a weak one."""
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    if stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        given = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    else:
        msg = "there is no terminal to ask for a password; give it with --password-stdin"
        raise ConfigError(msg)
    try:
        validate_password(given, account)
    except ValidationError as error:
        msg = f"this password will not do: {' '.join(error.messages)}"
        raise ConfigError(msg) from error
    return given


def _record(what: str, account: Any, **values: Any) -> None:
    import getpass

    from polarnight.web.models import ActionLog

    ActionLog.record(f"{getpass.getuser()} (shell)", what, account.username, **values)


def _group_of(name: str) -> Any:
    from django.contrib.auth.models import Group as Groups

    from polarnight.web.access.roles import Role

    try:
        role = Role.of_label(name)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return Groups.objects.get_or_create(name=role.label)[0]


@user.command()
def add(
    context: typer.Context, name: Name, group: Group = "viewer", password_stdin: FromStdin = False
) -> int:
    """Add a user; the password is asked for."""
    from django.db import transaction

    _site(context)
    from django.contrib.auth.models import User
    from django.core.exceptions import ValidationError

    if User.objects.filter(username=name).exists():
        msg = f"there is a user {name!r} already; `polarnight user change` changes it"
        raise ConfigError(msg)
    account = User(username=name)
    try:
        account.clean_fields(exclude=["password"])
    except ValidationError as error:
        msg = f"{name!r} is no name for a user: {' '.join(error.messages)}"
        raise ConfigError(msg) from error
    members = _group_of(group)
    account.set_password(_password(account, password_stdin))
    with transaction.atomic():
        account.save()
        account.groups.add(members)
        _record("user added", account, after={"group": members.name})
    typer.echo(f"added {name} to the group {members.name}")
    return int(Status.WELL)


@user.command()
def change(
    context: typer.Context,
    name: Name,
    group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="Put into it.")
    ] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new one.")] = False,
    password_stdin: FromStdin = False,
    active: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether the user may log in.")
    ] = None,
) -> int:
    """Change the group or the password of a user, or whether the user may log in."""
    _site(context)
    account = _find(name)
    if group is None and active is None and not (password or password_stdin):
        msg = "nothing to change; give --group, --password, --enable or --disable"
        raise ConfigError(msg)
    if group is not None:
        members = _group_of(group)
        before = sorted(account.groups.values_list("name", flat=True))
        account.groups.set([members])
        _record("user changed", account, before={"groups": before}, after={"groups": [group]})
    if password or password_stdin:
        account.set_password(_password(account, password_stdin))
        _record("password changed", account)
    if active is not None and active is not account.is_active:
        account.is_active = active
        _record("user enabled" if active else "user disabled", account)
    account.save()
    typer.echo(f"changed {name}")
    return int(Status.WELL)


@user.command()
def unlock(context: typer.Context, name: Name) -> int:
    """End the pause after too many wrong passwords."""
    _site(context)
    from axes.utils import reset

    account = _find(name)
    count = reset(username=account.username)
    _record("user unlocked", account)
    typer.echo(f"{name}: {'unlocked' if count else 'was not locked'}")
    return int(Status.WELL)


@user.command("list")
def list_users(context: typer.Context) -> None:
    """List the users with their group and their last log-in."""
    from polarnight.cli.screen import table_of

    _site(context)
    from django.contrib.auth.models import User

    from polarnight.web.access.roles import role_of

    table = table_of("user", "role", "last log-in", "")
    for account in User.objects.order_by("username").prefetch_related("groups"):
        last = f"{account.last_login:%Y-%m-%d %H:%M}" if account.last_login else "never"
        state = "" if account.is_active else "disabled"
        table.add_row(account.username, role_of(account).label, last, state)
    console().print(table)
