"""The gate in front of all views: one that declares no action is refused, not served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

__all__ = ["GuardMiddleware"]


class GuardMiddleware:
    """Refuse what nobody has thought about, and keep private pages out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and keep the answer out of caches unless it says otherwise."""
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        """Find the action of a view before it runs.

        Raises
        ------
        PermissionDenied
            Where neither the view nor its operations have one.
        """
        from polarnight.web.access.routes import declares_action

        namespaces = request.resolver_match.namespaces if request.resolver_match else []
        if not declares_action(view, namespaces):
            msg = "this page does not say who may see it; that is a fault, please report it"
            raise PermissionDenied(msg)
