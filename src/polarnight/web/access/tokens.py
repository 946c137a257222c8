"""Tokens of the API: who a secret belongs to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from polarnight.web.access.roles import Role, limit_role

__all__ = ["user_of_token"]

_NOTED_EVERY = timedelta(minutes=1)  # not at each request: SQLite has one writer


def user_of_token(secret: str) -> Any:
    """Return the user of a token, limited to the role of the token; None where it is not valid.

    That it was used is noted, at most once a minute.
    """
    from polarnight.web.models import ApiToken

    token = ApiToken.find(secret)
    if token is None or not token.user.is_active:
        return None
    now = timezone.now()
    if token.last_used is None or now - token.last_used > _NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used=now)
    user = token.user
    limit_role(user, Role.of_label(token.scope))
    return user
