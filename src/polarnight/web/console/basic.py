"""User and password in the header of a request, for PyOphidia alone; never for pages."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from threading import Lock
from typing import Any

from axes.utils import reset
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBasicAuth

from polarnight.web.access.clients import counted_ip
from polarnight.web.access.failures import remember_address
from polarnight.web.access.needs import api_access, refusal
from polarnight.web.access.roles import LONGEST_NAME, Action, allowed

__all__ = ["ophidia_access"]

_FRESH = 300.0  # seconds; a password is hashed slowly, and PyOphidia sends it with every command
_MOST = 1000


def ophidia_access(action: Action) -> list[Any]:
    """Declare the action of an operation that takes user and password, too.

    See `polarnight.web.access.needs.api_access`. Wrong passwords count as at the log-in page:
    after some of them the user has to wait (429).
    """
    return [_BasicAccess(action), *api_access(action)]


class _Verified:
    """Passwords that were right a moment ago: only keyed digests, and never on disk."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = Lock()

    def digest(self, user: Any, password: str) -> bytes:
        """Return what stands for a user, the password and the hash that is kept of it now."""
        text = "\0".join((str(user.pk), user.password, password))
        return hmac.digest(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256)

    def has(self, digest: bytes) -> bool:
        """Return whether it was right, and not long ago."""
        with self._lock:
            return self._until.get(digest, 0.0) > time.monotonic()

    def add(self, digest: bytes) -> None:
        """Remember that it was right."""
        with self._lock:
            self._until[digest] = time.monotonic() + _FRESH
            self._until.move_to_end(digest)
            while len(self._until) > _MOST:
                self._until.popitem(last=False)


_verified = _Verified()


class _BasicAccess(HttpBasicAuth):
    """User and password."""

    def __init__(self, action: Action) -> None:
        self.action = action
        super().__init__()

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Any:
        user = _user_of(request, username, password)
        if user is None:
            raise HttpError(401, "user or password is wrong")
        request.user = user
        if allowed(user, self.action):
            return user
        raise HttpError(403, refusal(self.action))


def _user_of(request: HttpRequest, username: str, password: str) -> Any:
    from axes.handlers.proxy import AxesProxyHandler

    if len(username) > LONGEST_NAME or "\x00" in username:
        return None  # no table holds such a name, nor the count of wrong passwords
    manager = get_user_model()._default_manager
    known = manager.filter(username=username, is_active=True).first()
    if known is not None and AxesProxyHandler.is_allowed(request, {"username": username}):
        digest = _verified.digest(known, password)
        if _verified.has(digest):
            return known
    user = authenticate(request, username=username, password=password)
    if user is None:
        return None
    _verified.add(_verified.digest(user, password))
    remember_address(request, username)
    if settings.AXES_RESET_ON_SUCCESS:
        reset(ip=counted_ip(request), username=username)
    return user
