"""Adding and changing users; each change is in the log of actions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from polarnight.errors import ConfigError
from polarnight.web.access.roles import GROUPS, Role, role_of
from polarnight.web.models import ActionLog, ApiToken

__all__ = ["add_user", "reset_link", "set_active", "set_group", "set_password", "unlock"]


def add_user(name: str, group: str, *, who: Any, ip: str | None = None) -> User:
    """Add a user, who cannot log in before a password is chosen (`reset_link`).

    Raises
    ------
    ConfigError
        Where the name is taken or none, or there is no such group.
    """
    account = User(username=name)
    account.set_unusable_password()
    try:
        account.clean_fields(exclude=["password"])
    except ValidationError as error:
        msg = f"this is no name for a user: {' '.join(error.messages)}"
        raise ConfigError(msg) from error
    role = _role(group)
    with transaction.atomic():
        if User.objects.filter(username__iexact=name).exists():
            msg = f"there is a user {name!r} already"
            raise ConfigError(msg)
        account.save()
        account.groups.set([_group(role)])
        _record(who, "user added", account, ip, after={"group": role.label})
    return account


def _role(name: str) -> Role:
    try:
        return Role.of_label(name)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _group(role: Role) -> Group:
    return Group.objects.get_or_create(name=role.label)[0]


def _record(who: Any, what: str, account: User, ip: str | None, **values: Any) -> None:
    ActionLog.record(who, what, account, ip=ip, **values)


def set_group(account: User, group: str, *, who: Any, ip: str | None = None) -> None:
    """Put a user into one group and out of the others of ours.

    Raises
    ------
    ConfigError
        Where there is no such group, or nobody would be left to administrate.
    """
    role = _role(group)
    with transaction.atomic():
        _one_at_a_time()
        before = sorted(account.groups.values_list("name", flat=True))
        if before == [role.label] and not account.is_superuser:
            return
        account.groups.set([*account.groups.exclude(name__in=GROUPS), _group(role)])
        # A superuser may everything, whatever the group.
        demoted = account.is_superuser and role is not Role.ADMIN
        if demoted:
            account.is_superuser = account.is_staff = False
            account.save(update_fields=["is_superuser", "is_staff"])
        _someone_is_left()
        _record(
            who, "user changed", account, ip,
            before={"groups": before}, after={"groups": [role.label]},
        )  # fmt: skip


def set_active(account: User, active: bool, *, who: Any, ip: str | None = None) -> None:
    """Let a user log in, or no longer; sessions and tokens end to work at once.

    Raises
    ------
    ConfigError
        Where nobody would be left to administrate.
    """
    if account.is_active is active:
        return
    with transaction.atomic():
        _one_at_a_time()
        account.is_active = active
        account.save(update_fields=["is_active"])
        _someone_is_left()
        _record(who, "user enabled" if active else "user disabled", account, ip)


def _one_at_a_time() -> None:
    """Wait for whoever changes users now, until the end of the transaction.

    Two administrators who demote each other would else both see the other one left. SQLite,
    which locks no rows, begins such transactions one after the other anyway.
    """
    Group.objects.select_for_update(no_key=True).get_or_create(name=Role.ADMIN.label)


def _someone_is_left() -> None:
    if any(role_of(one) is Role.ADMIN for one in User.objects.filter(is_active=True)):
        return
    msg = "nobody would be left to administrate this site; make another administrator first"
    raise ConfigError(msg)


def reset_link(account: User, *, who: Any, ip: str | None = None) -> str:
    """Return the path of a page where the user chooses a password, once; it ages in three days.

    The password that there was, sessions and tokens end to work.
    """
    with transaction.atomic():
        account.set_unusable_password()
        account.save(update_fields=["password"])
        now = timezone.now()
        ApiToken.objects.filter(user=account, revoked=None).update(revoked=now)
        _record(who, "password reset", account, ip)
    uid = urlsafe_base64_encode(force_bytes(account.pk))
    return reverse("password-choose", args=(uid, default_token_generator.make_token(account)))


def set_password(account: User, password: str, *, who: Any, ip: str | None = None) -> None:
    """Set the password of a user; sessions end.

    Raises
    ------
    ConfigError
        Where it is weak.
    """
    try:
        validate_password(password, account)
    except ValidationError as error:
        raise ConfigError(" ".join(error.messages)) from error
    with transaction.atomic():
        account.set_password(password)
        account.save(update_fields=["password"])
        _record(who, "password set", account, ip)


def unlock(account: User, *, who: Any, ip: str | None = None) -> None:
    """End the pause that follows on wrong passwords."""
    from axes.utils import reset

    reset(username=account.username)
    _record(who, "user unlocked", account, ip)
