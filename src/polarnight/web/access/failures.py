"""Wrong passwords: who has to wait after how many of them.

Three limits, each within ``web.login_pause_minutes``:

- of one user from one address (``web.login_failures``), which django-axes keeps;
- of one address, whatever the names: somebody who tries a few passwords on many users;
- of one user, whatever the addresses: somebody who has many of them. That user cannot be told
  from the stranger by the name, so nobody is shut out: where the user has not logged in before,
  passwords are tried one by one, with some seconds between. Where the user has, this limit does
  not count.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from polarnight.config import get_settings
from polarnight.web.access.clients import counted_ip

__all__ = ["FailureHandler", "remember_address", "seconds_to_wait"]

_BETWEEN = timedelta(seconds=20)
_KNOWN_FOR = timedelta(days=90)
_NOTED_EVERY = timedelta(days=1)


class FailureHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """The counts of django-axes, with limits of addresses and of users besides."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        """Return whether somebody has to wait; how long is noted with the request."""
        fresh = AccessAttempt.objects.filter(attempt_time__gte=get_cool_off_threshold(request))
        address = request.axes_ip_address  # type: ignore[attr-defined]
        wait: timedelta | None = settings.AXES_COOLOFF_TIME
        if not super().is_locked(request, credentials) and not _is_tired(fresh, address):
            wait = _slowed(fresh, get_client_username(request, credentials), address)
        request.polarnight_wait = wait  # type: ignore[attr-defined]
        return bool(wait)


def seconds_to_wait(request: HttpRequest) -> int:
    """Return how long whoever was refused for wrong passwords has to wait."""
    wait = getattr(request, "polarnight_wait", None) or settings.AXES_COOLOFF_TIME
    return math.ceil(wait.total_seconds())


def _is_tired(fresh: QuerySet[AccessAttempt], address: str | None) -> bool:
    """Whether an address has tried too many passwords; not where none is known."""
    return bool(address) and _sum(fresh.filter(ip_address=address)) >= (
        get_settings().web.login_failures_of_address
    )


def _slowed(
    fresh: QuerySet[AccessAttempt], name: str | None, address: str | None
) -> timedelta | None:
    """Return how long passwords of a user wait here for the next, None where they need not."""
    tried = fresh.filter(username=name)
    if not name or _sum(tried) < get_settings().web.login_failures_of_user:
        return None
    if _has_been_here(name, address, _KNOWN_FOR):
        return None
    now = timezone.now()
    last = tried.aggregate(last=Max("attempt_time"))["last"]
    return max(last + _BETWEEN - now, timedelta(0)) or None


def remember_address(request: HttpRequest, name: str) -> None:
    """Note that a user was let in without a session; log-ins are noted by django-axes."""
    address = counted_ip(request)
    if address and not _has_been_here(name, address, _NOTED_EVERY):
        AccessLog.objects.create(username=name, ip_address=address, path_info=request.path[:255])


def _has_been_here(name: str, address: str | None, within: timedelta) -> bool:
    since = timezone.now() - within
    rows = AccessLog.objects.filter(username=name, ip_address=address, attempt_time__gte=since)
    return bool(address) and rows.exists()


def _sum(rows: QuerySet[AccessAttempt]) -> int:
    return rows.aggregate(failures=Sum("failures_since_start"))["failures"] or 0
