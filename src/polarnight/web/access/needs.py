"""The decorators by which a page or an operation of the API says what it does."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from ninja.errors import HttpError
from ninja.security import APIKeyCookie, HttpBearer

from polarnight.web.access.roles import Action, Role, allowed
from polarnight.web.problems import problem

__all__ = ["ACTION", "api_access", "needs"]

ACTION = "polarnight_action"
"""Attribute of views that holds their action."""

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def needs(action: Action, *, login: bool = True) -> Callable[[View], View]:
    """Declare the action of a page, and refuse it to those who may not.

    Strangers are sent to the log-in page and back; users who may not get a page that says so
    (403).

    Parameters
    ----------
    action : Action
    login : bool
        Whether strangers are sent to the log-in page; for what is no page, such as a picture
        or a download, they get a 401 instead.
    """

    def decorate(view: View) -> View:
        # partial objects, as ninja has them, have no name.
        @wraps(view, updated=())
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if allowed(request.user, action):
                return view(request, *args, **kwargs)
            if request.user.is_authenticated:
                raise PermissionDenied(refusal(action))
            if login:
                return redirect_to_login(request.get_full_path())
            return problem(401, "log in, or send a token: 'Authorization: Bearer <token>'")

        setattr(guarded, ACTION, action)
        return cast("View", guarded)

    return decorate


def refusal(action: Action) -> str:
    """Say who may do what the user may not."""
    if action is Action.ACCOUNT:
        return "only after a log-in with a password, and by a user who is in a group"
    higher = "" if action.least is Role.ADMIN else ", or a higher one"
    return f"needs a user of the group {action.least.label}{higher}"


def api_access(action: Action) -> list[Any]:
    """Declare the action of an operation of the API: ``@router.get(path, auth=api_access(...))``.

    By token (``Authorization: Bearer``) or by session with CSRF token; 401 where there is
    neither, 403 where the user may not.
    """
    return [_TokenAccess(action), _SessionAccess(action)]


def _check(user: Any, action: Action) -> Any:
    if allowed(user, action):
        return user if user.is_authenticated else "anonymous"
    if user.is_authenticated:
        raise HttpError(403, refusal(action))
    return None


class _TokenAccess(HttpBearer):
    """A token in the header."""

    def __init__(self, action: Action) -> None:
        self.action = action
        super().__init__()

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        from polarnight.web.access.tokens import user_of_token

        user = user_of_token(token)
        if user is None:
            raise HttpError(401, "the token is unknown, expired or revoked; make another one")
        request.user = user
        return _check(user, self.action)


class _SessionAccess(APIKeyCookie):
    """The session of a browser."""

    param_name = "polarnight_session"

    def __init__(self, action: Action) -> None:
        self.action = action
        super().__init__(csrf=False)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        from ninja.utils import check_csrf

        user = _check(request.user, self.action)
        # After the check of who it is: strangers are told to log in, not that a form is old.
        if user is not None and request.user.is_authenticated and check_csrf(request):
            raise HttpError(403, "the CSRF token is missing or old; load the page again")
        return user
