"""Every route for every user: exactly the answer that its action says."""

from __future__ import annotations

import re

import pytest

from polarnight.web.access import Action, Role
from polarnight.web.access.routes import Route, all_routes, declares_action

USERS = {
    None: Role.NOBODY,
    "nobody": Role.NOBODY,
    "viewer": Role.VIEWER,
    "observer": Role.OBSERVER,
    "operator": Role.OPERATOR,
    "admin": Role.ADMIN,
}

# What is in the place of a parameter: nothing that is there.
SAMPLES = {"kind": "raw", "base_kind": "raw", "default": "987654321"}

# What somebody who may gets, where it is not the usual: 200; 404 for what names an object;
# 422 for a request that needs a body.
ANSWERS = {
    ("*", "/login/"): {None: 200, "*": 302},  # who is logged in goes on to the first page
    ("*", "/logout/"): 405,  # POST only
    ("*", "/account/password/"): 405,
    ("*", "/account/tokens/"): 405,
    ("*", "/account/tokens/<int:pk>/revoke/"): 405,
    ("*", "/users/add/"): 405,
    ("*", "/users/<int:pk>/change/"): 405,
    ("*", "/users/tokens/<int:pk>/revoke/"): 405,
    ("*", "/sources/<int:pk>/comment/"): 405,
    ("*", "/sources/<int:pk>/delete/"): 405,
    ("*", "/sources/<int:pk>/field-stars/remove/"): 405,
    ("*", "/password/<uidb64>/<token>/"): 200,  # says that the link is used or too old
    ("*", "/api/v1/"): 404,
    # Requests that lack what they must say.
    ("GET", "/api/v1/logs/lines"): 422,
    ("DELETE", "/api/v1/sources/<int:pk>"): 422,  # a reason
    ("GET", "/api/v1/frames/<kind>/<pk>/tiles/<plane>/<level>/<column>/<row>"): 422,
    ("GET", "/api/v1/frames/<kind>/<pk>/sky"): 422,
    ("GET", "/api/v1/masters/<kind>"): 422,
    ("GET", "/api/v1/plots/light-curve"): 422,
    ("GET", "/api/v1/plots/light-curve/picture"): 422,
    ("GET", "/api/v1/plots/light-curve/rows"): 422,
    ("GET", "/api/v1/ophidia/files"): 422,
    ("GET", "/api/v1/ophidia/workflow"): 422,
    ("POST", "/api/v1/frames/<kind>/<pk>/undo"): 404,  # needs no body
    ("POST", "/api/v1/results/<pk>/undo"): 404,
    ("POST", "/api/v1/jobs/<pk>/cancel"): 404,
    ("POST", "/api/v1/jobs/<pk>/requeue"): 404,
    ("POST", "/api/v1/jobs/<pk>/retry"): 404,
    ("POST", "/api/v1/jobs/<pk>/resume"): 404,
}


def _url(route: Route) -> str:
    def fill(match: re.Match[str]) -> str:
        name = match[1].rpartition(":")[2]
        return SAMPLES.get(name, SAMPLES["default"])

    return re.sub(r"<([^>]+)>", fill, route.path)


def _allowed_answer(route: Route, who: str | None) -> int:
    special = ANSWERS.get((route.method, route.path))
    if isinstance(special, dict):
        return special.get(who, special["*"])
    if special is not None:
        return special
    if route.method in {"POST", "PUT", "PATCH"}:
        return 422
    return 404 if "<" in route.path else 200


def _expected(route: Route, who: str | None) -> int:
    if USERS[who] >= route.action.least:
        return _allowed_answer(route, who)
    if who is not None:
        return 403
    program = route.api and route.name != "api:openapi-view"
    return 401 if program else 302


def test_every_route_declares_its_action():
    undeclared = [f"{r.method} {r.path}" for r in all_routes() if r.action is None]
    assert not undeclared, "add @needs(Action.…) or auth=api_access(Action.…)"
    assert len(all_routes()) > 20


def test_the_table(site, nobody):
    wrong = []
    for route in all_routes():
        if route.path.startswith("/admin/"):
            continue
        for who in USERS:
            method = "GET" if route.method == "*" else route.method
            answer = site.client(who).generic(method, _url(route), content_type="application/json")
            expected = _expected(route, who)
            if answer.status_code != expected:
                wrong.append(
                    f"{route.method} {route.path} as {who}: {answer.status_code}, not {expected}"
                )
    assert not wrong, "\n".join(wrong)


def test_the_admin_site(site, nobody):
    """Every page of the admin site: strangers log in, users are refused, administrators get it."""
    routes = [route for route in all_routes() if route.path.startswith("/admin/")]
    assert len(routes) > 50
    assert {route.action for route in routes} == {Action.ADMIN}
    wrong = []
    for route in routes:
        # Django writes a catch-all as a pattern.
        url = re.sub(r"\(.*", "nothing", _url(route).replace("<path", "<str"))
        for who in USERS:
            answer = site.client(who).get(url)
            code, away = answer.status_code, answer.get("Location", "")
            if route.name == "admin:logout":
                good = code == 405 if who == "admin" else (code, away) == (302, "/admin/")
            elif who is None:
                good = code == 302 and "/login/" in away
            elif who == "admin":
                # What came from frames is neither added nor deleted by hand; users, sources and
                # tokens have pages of their own, which write down who did it.
                closed = url.endswith(("/add/", "/delete/", "/autocomplete/"))
                good = code == 403 if closed else code in {200, 302, 404} and "/login/" not in away
            else:
                good = code == 403 or (code == 302 and away.startswith("/admin/login/"))
            if not good:
                wrong.append(f"{route.path} as {who}: {code} {away}")
    assert not wrong, "\n".join(wrong)


def test_a_view_without_action_is_refused(site, monkeypatch):
    from django.http import HttpResponse

    def forgotten(request):
        return HttpResponse("secret")

    assert not declares_action(forgotten)
    from django.urls import path

    from polarnight.web import urls

    monkeypatch.setattr(urls, "urlpatterns", [path("forgotten/", forgotten), *urls.urlpatterns])
    from django.urls import clear_url_caches

    clear_url_caches()
    try:
        answer = site.client("admin").get("/forgotten/")
        assert answer.status_code == 403
        assert b"secret" not in answer.content
    finally:
        monkeypatch.undo()
        clear_url_caches()


def test_an_operation_without_action_is_found():
    from ninja import Router

    router = Router()

    @router.get("/x")
    def forgotten(request):
        return {}

    view = router.path_operations["/x"].get_view()
    assert not declares_action(view)


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_a_least_role(action):
    assert action.least in Role
