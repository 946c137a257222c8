"""Who asks, and what they may do."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema

import polarnight
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action, allowed, role_of

__all__ = ["router"]

router = Router()


class Me(Schema):
    """The user of a request."""

    username: str
    role: str
    actions: list[str]
    version: str


@router.get("", response=Me, auth=api_access(Action.VIEW), summary="Who I am")
def who_am_i(request: HttpRequest) -> Me:
    """Return the user of the session or token, the role, and what it may do here."""
    return Me(
        username=request.user.get_username(),
        role=role_of(request.user).label,
        actions=[action.value for action in Action if allowed(request.user, action)],
        version=polarnight.__version__,
    )
