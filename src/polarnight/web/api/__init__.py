"""The API at ``/api/v1/``: what the pages show, for programs.

A router is one line in `ROUTERS`; each of its operations says what it does by
``auth=api_access(Action.…)``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase
from ninja.openapi.views import openapi_json

from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.problems import add_handlers

__all__ = ["ROUTERS", "api"]

ROUTERS: dict[str, str] = {
    "/me": "polarnight.web.api.me",
    "/nights": "polarnight.web.api.nights",
    "/jobs": "polarnight.web.api.jobs",
    "/quality": "polarnight.web.api.quality",
    "/frames": "polarnight.web.api.frames",
    "/masters": "polarnight.web.api.masters",
    "/results": "polarnight.web.api.results",
    "/apertures": "polarnight.web.api.apertures",
    "/plots": "polarnight.web.api.plots",
    "/flags": "polarnight.web.api.flags",
    "/views": "polarnight.web.api.views",
    "/sources": "polarnight.web.api.sources",
    "/logs": "polarnight.web.api.logs",
    "/tokens": "polarnight.web.api.tokens",
    "/users": "polarnight.web.api.users",
    "/cubes": "polarnight.web.api.cubes",
    "/ophidia": "polarnight.web.api.ophidia",
}
"""Prefix and module of each router; the module has it as `router`."""


class _Documentation(DocsBase):
    """The page of the API, drawn by the scripts that ninja brings, in our own page."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: object) -> HttpResponse:
        return render(request, "polarnight/api.html", {"schema": self.get_openapi_url(api, {})})


def _guard(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Guard the page of the API and its schema; programs that ask for the latter are told 401."""
    return needs(Action.VIEW, login=getattr(view, "func", None) is not openapi_json)(view)


def _build() -> NinjaAPI:
    built = NinjaAPI(
        title="Polarnight",
        version="1",
        description=(
            "Results, sources, nights, frames and jobs of this archive. Log in, or send a token "
            "(`Authorization: Bearer <token>`), which the account page makes. Lists are paged by "
            "`limit` and `offset`; errors are problem details (RFC 9457). Times are UTC; q, u "
            "and p are fractions, angles degrees."
        ),
        urls_namespace="api",
        openapi_url="/openapi.json",
        docs_url="/docs",
        docs=_Documentation(),
        docs_decorator=_guard,
        openapi_extra={"info": {"license": {"name": "BSD-3-Clause"}}},
    )
    add_handlers(built)
    for prefix, module in ROUTERS.items():
        built.add_router(prefix, import_module(module).router, tags=[prefix.strip("/")])
    return built


api = _build()
"""The one API."""
