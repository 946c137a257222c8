"""Every route of the site with its action: what the guard and the test of routes go by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from ninja.openapi.views import default_home
from ninja.operation import PathView

from polarnight.web.access.needs import ACTION
from polarnight.web.access.roles import Action

__all__ = ["Route", "all_routes", "declares_action"]

_NAMESPACES = {"admin": Action.ADMIN}
"""Sites of other packages, all pages of which have one action and are guarded by it."""


@dataclass(frozen=True)
class Route:
    """A URL pattern and a method.

    Attributes
    ----------
    path : str
        Beginning with ``/``, parameters as Django writes them (``<int:pk>``).
    method : str
        Of HTTP; ``*`` for pages, which decide themselves.
    action : Action or None
        None where nobody declared one.
    name : str
        With namespaces, ``""`` where it has none.
    api : bool
        Whether it answers with problem details instead of pages.
    """

    path: str
    method: str
    action: Action | None
    name: str
    api: bool


def all_routes() -> list[Route]:
    """Return every route, in the order in which Django looks."""
    # ninja puts a path with several operations into the list once for each.
    found: dict[tuple[str, str], Route] = {}
    for route in _walk(get_resolver().url_patterns, "/", ()):
        found.setdefault((route.path, route.method), route)
    return list(found.values())


def _walk(patterns: Sequence[Any], prefix: str, names: tuple[str, ...]) -> Iterator[Route]:
    for entry in patterns:
        path = prefix + str(entry.pattern).removeprefix("^").removesuffix("$")
        if isinstance(entry, URLResolver):
            inner = (*names, entry.namespace) if entry.namespace else names
            yield from _walk(entry.url_patterns, path, inner)
        elif isinstance(entry, URLPattern):
            yield from _routes_of(entry, path, names)


def _routes_of(entry: URLPattern, path: str, names: tuple[str, ...]) -> Iterator[Route]:
    name = ":".join((*names, entry.name)) if entry.name else ""
    operations = _operations(entry.callback)
    api = path.startswith("/api/")
    if operations is None:
        yield Route(path, "*", _page_action(entry.callback, names), name, api)
        return
    for operation in operations:
        own = ":".join((*names, operation.view_func.__name__))
        for method in operation.methods:
            yield Route(path, method, _operation_action(operation), own, api=True)


def _operations(view: Any) -> list[Any] | None:
    """Return the operations behind a view of the API, None for a page."""
    # ninja makes a closure or a bound method of its PathView.
    owner = getattr(view, "__self__", None)
    cells = getattr(view, "__closure__", None) or ()
    for found in (owner, *(cell.cell_contents for cell in cells)):
        if isinstance(found, PathView):
            return list(found.operations)
    return None


def _page_action(view: Any, namespaces: Sequence[str]) -> Action | None:
    if getattr(view, "func", None) is default_home:
        return Action.PUBLIC  # the root of an API: always a 404
    action: Action | None = getattr(view, ACTION, None)
    if action is None and namespaces:
        return _NAMESPACES.get(namespaces[0])
    return action


def _operation_action(operation: Any) -> Action | None:
    actions = {getattr(callback, "action", None) for callback in operation.auth_callbacks}
    return actions.pop() if len(actions) == 1 else None


def declares_action(view: Any, namespaces: Sequence[str] = ()) -> bool:
    """Return whether a view, or each operation behind it, has an action."""
    operations = _operations(view)
    if operations is None:
        return _page_action(view, namespaces) is not None
    return all(_operation_action(operation) is not None for operation in operations)
