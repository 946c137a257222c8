"""Roles of users, actions of pages, and the one function that decides."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any

from polarnight.config import get_settings

__all__ = [
    "GROUPS",
    "LONGEST_NAME",
    "Action",
    "Role",
    "allowed",
    "limit_role",
    "may_read_work",
    "role_of",
]


LONGEST_NAME = 150
"""Characters of the name of a user; no table holds more."""


class Role(IntEnum):
    """What somebody is; each may do all that those before may."""

    NOBODY = 0
    VIEWER = 1
    OBSERVER = 2
    OPERATOR = 3
    ADMIN = 4

    @property
    def label(self) -> str:
        """The name of the group of these users."""
        return self.name.lower()

    @classmethod
    def of_label(cls, label: str) -> Role:
        """Return the role called `label`.

        Raises
        ------
        ValueError
            Where no group is called so.
        """
        found = GROUPS.get(label)
        if found is None:
            msg = f"{label!r} is no group; there are {', '.join(GROUPS)}"
            raise ValueError(msg)
        return found


GROUPS: dict[str, Role] = {
    role.name.lower(): role for role in (Role.VIEWER, Role.OBSERVER, Role.OPERATOR, Role.ADMIN)
}
"""Roles by the name of their Django group."""


class Action(Enum):
    """What a page or an operation of the API does; each has exactly one.

    OWN is for things of the user's own, such as saved views. ACCOUNT is for password and
    tokens: never by token, or a weak token could make a strong one.
    """

    PUBLIC = "public"
    VIEW = "view"
    OWN = "own"
    ACCOUNT = "account"
    FLAG = "flag"
    COMMENT = "comment"
    EDIT_SOURCE = "edit_source"
    RUN = "run"
    CONSOLE = "console"
    IMPORT = "import"
    LOGS = "logs"
    ADMIN = "admin"

    @property
    def least(self) -> Role:
        """The least role that may do it."""
        return _LEAST[self]

    @property
    def personal(self) -> bool:
        """Whether it makes sense only for somebody who is logged in."""
        return self not in {Action.PUBLIC, Action.VIEW}


_LEAST = {
    Action.PUBLIC: Role.NOBODY,
    Action.VIEW: Role.VIEWER,
    Action.OWN: Role.VIEWER,
    Action.ACCOUNT: Role.VIEWER,
    Action.FLAG: Role.OBSERVER,
    Action.COMMENT: Role.OBSERVER,
    Action.EDIT_SOURCE: Role.OBSERVER,
    Action.RUN: Role.OPERATOR,
    Action.CONSOLE: Role.OPERATOR,
    Action.IMPORT: Role.OPERATOR,
    Action.LOGS: Role.OPERATOR,
    Action.ADMIN: Role.ADMIN,
}


def limit_role(user: Any, role: Role) -> None:
    """Let `user`, for the request at hand, do no more than `role` may (a token does that)."""
    user.polarnight_limit = role


def role_of(user: Any) -> Role:
    """Return what a user is: the highest of the groups; superusers are administrators.

    Parameters
    ----------
    user : User or AnonymousUser
        The groups are asked for once and kept on the object.
    """
    if not user.is_authenticated:
        return Role.VIEWER if get_settings().web.anonymous == "viewer" else Role.NOBODY
    if not user.is_active:
        return Role.NOBODY
    limit = getattr(user, "polarnight_limit", Role.ADMIN)
    return min(_own_role(user), limit)


def _own_role(user: Any) -> Role:
    if user.is_superuser:
        return Role.ADMIN
    kept: Role | None = getattr(user, "_polarnight_role", None)
    if kept is None:
        names = user.groups.values_list("name", flat=True)
        kept = max((GROUPS[name] for name in names if name in GROUPS), default=Role.NOBODY)
        user._polarnight_role = kept
    return kept


def allowed(user: Any, action: Action) -> bool:
    """Return whether a user may do something."""
    if action.personal and not user.is_authenticated:
        return False
    if action is Action.ACCOUNT and hasattr(user, "polarnight_limit"):
        return False
    return role_of(user) >= action.least


def may_read_work(user: Any, owner: str) -> bool:
    """Return whether a user may read what work of `owner` said: its own, or as one reads logs."""
    if allowed(user, Action.LOGS):
        return True
    return allowed(user, Action.OWN) and user.get_username() == owner
