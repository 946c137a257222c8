"""Attacks on the catalogue, the logs, users and the admin site, and on the doors to them."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from polarnight.config import get_settings
from polarnight.db import AstroSource, Epoch, PhotoPolResult, RawFit, ReducedFit
from polarnight.web.access import Action, Role
from polarnight.web.access.routes import all_routes
from polarnight.web.models import ActionLog, ApiToken, SavedView

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
MARKDOWN = (
    f"{EVIL}\n\n[a](javascript:alert(3)) [b](data:text/html,x) ![p](https://evil.example/p.png) "
    '<iframe src="//evil.example"></iframe> <a href="x" onclick="alert(4)">c</a> [d](https://ok.example)'
)
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def wicked(site):
    """A source, a frame, a result, a token, a view and a log that are all full of scripts."""
    epoch = Epoch.create("OSN-T090/2022-09-18")
    source = AstroSource.objects.create(
        name=EVIL, other_names=EVIL, srctype="<script>x", comment=MARKDOWN, metadata={EVIL: EVIL},
        ra_hms="22:02:43", dec_dms="+42:16:40",
    )  # fmt: skip
    star = AstroSource.objects.create(name=f"{EVIL}2", ra_hms="22:02:44", dec_dms="+42:16:40")
    star.calibrates.add(source)
    raw = RawFit.objects.create(
        epoch=epoch, filename="a.fit", object_name=EVIL, instrument=EVIL[:40], error=EVIL,
        imgtype="LIGHT",
    )  # fmt: skip
    reduced = ReducedFit.from_rawfit(raw, error=EVIL)
    reduced.save()
    reduced.sources_in_field.add(source)
    PhotoPolResult.objects.create(
        identity=EVIL, epoch=epoch, astrosource=source, reduction="relphot", instrument=EVIL[:40],
        obsmode="PHOTOMETRY", band="<b>", juliandate=2459841.5, mag=14.0, mag_err=0.1, error=EVIL,
    )  # fmt: skip
    raw.flag("IGNORE", why=EVIL, who=EVIL[:90])
    raw.write_comment(MARKDOWN, who="ana")
    ActionLog.record(EVIL, EVIL[:50], source, before={EVIL: EVIL}, after={EVIL: EVIL}, why=EVIL)
    ApiToken.issue(site.user("admin"), EVIL, Role.VIEWER, 3)
    SavedView.objects.create(user=site.user("admin"), page="plot", name=EVIL, query=EVIL)
    get_settings().data.log_file.write_text(f"ERROR {EVIL}\n")
    return source, raw, reduced


def pages_of(source, raw, reduced):
    keys = {"raw": raw.pk, "reduced": reduced.pk}
    return [
        "/", "/about/", "/account/", "/explore/plot/", "/explore/data/",
        "/sources/?kind=all", f"/sources/?q={EVIL}", f"/sources/?near={EVIL}",
        f"/sources/{source.pk}/", f"/sources/{source.pk}/edit/",
        f"/sources/{source.pk}/field-stars/",
        f"/logs/?text={EVIL}", f"/logs/?log_file={EVIL}", "/users/", "/users/tokens/",
        "/users/audit/", f"/users/audit/?text={EVIL}&who={EVIL}&first={EVIL}",
        *(f"/frames/{kind}/{pk}/" for kind, pk in keys.items()),
        "/admin/polarnight/rawfit/", f"/admin/polarnight/rawfit/{raw.pk}/change/",
        f"/admin/polarnight/rawfit/?filename={EVIL}&night={EVIL}&flags={EVIL}&id_is={EVIL}",
        "/admin/polarnight/reducedfit/", f"/admin/polarnight/reducedfit/{reduced.pk}/change/",
        "/admin/polarnight/photopolresult/", "/admin/polarnight/astrosource/?calibrators=all",
        f"/admin/polarnight/astrosource/{source.pk}/change/", f"/login/?next={EVIL}",
        "/admin/polarnight/flagchange/", "/admin/polarnight/humandecision/",
        "/admin/polarnight_web/actionlog/", "/admin/polarnight_web/apitoken/",
        "/admin/polarnight_web/savedview/", f"/nowhere/{EVIL}",
    ]  # fmt: skip


def assert_harmless(page, where):
    """Nothing in a page runs that is not ours, and nothing leads to what runs."""
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", page, re.DOTALL)
    for attributes, body in scripts:
        assert 'src="/' in attributes or "application/json" in attributes, where
        assert "application/json" not in attributes or "<" not in body, where
    without = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
    for tag in re.findall(r"<[a-zA-Z][^<>]*>", without):
        assert not re.search(r"\son\w+\s*=", re.sub(r'"[^"]*"', '""', tag)), (where, tag)
        assert not re.search(r'(?:href|src|action)="\s*(?:javascript|data:text|//)', tag), (
            where,
            tag,
        )
    assert "<img src=x" not in page, where
    assert "<iframe" not in page, where
    assert "alert(1)</script>" not in page, where


def test_scripts_stay_text_on_every_page(site, wicked):
    client = site.client("admin")
    shown = 0
    for path in pages_of(*wicked):
        answer = client.get(path, follow=True)
        assert answer.status_code in {200, 404, 422}, path
        page = answer.content.decode()
        assert_harmless(page, path)
        shown += "&lt;script&gt;" in page
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy, path
        assert "unsafe-eval" not in policy, path
    assert shown > 20


def test_comments_keep_good_links_only(site, wicked):
    page = site.client("viewer").get(f"/sources/{wicked[0].pk}/").content.decode()
    prose = re.search(r'<div class="prose" id="comment">(.*?)</div>', page, re.DOTALL)[1]
    assert re.findall(r'<[^<>]*href="([^"]*)"', prose) == ["https://ok.example"]
    assert "evil.example/p.png" not in prose
    assert 'rel="noopener noreferrer nofollow"' in prose


# --- forms without their token ---------------------------------------------------------------


def test_every_page_that_changes_something_needs_the_token_of_a_form(site, wicked):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(site.user("admin"), backend=BACKEND)
    tried = 0
    for route in all_routes():
        if route.path.startswith("/admin/polarnight") or route.method in {"GET", "HEAD"}:
            continue
        path = re.sub(r"<[^>]+>", "1", route.path)
        method = "POST" if route.method == "*" else route.method
        answer = strict.generic(method, path, b"{}", content_type="application/json")
        if route.action is Action.PUBLIC and answer.status_code in {200, 302, 404, 405}:
            assert path not in {"/login/", "/logout/"}, path
            continue
        assert answer.status_code == 403, (method, path, answer.status_code)
        tried += 1
    assert tried > 30


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_forms_from_elsewhere_are_refused(site, origin):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(site.user("admin"), backend=BACKEND)
    page = strict.get("/users/").content.decode()
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]
    form = {"username": "ana", "group": "admin", "csrfmiddlewaretoken": token}
    assert strict.post("/users/add/", form, HTTP_ORIGIN=origin).status_code == 403
    assert strict.post("/users/add/", form, HTTP_ORIGIN="http://testserver").status_code == 200


# --- things of others ------------------------------------------------------------------------


def test_tokens_and_views_of_others_are_out_of_reach(site):
    token, _ = ApiToken.issue(site.user("admin"), "t", Role.ADMIN, 30)
    view = SavedView.objects.create(user=site.user("admin"), page="plot", name="mine", query="a=1")
    for role in ("viewer", "observer", "operator"):
        client = site.client(role)
        assert client.delete(f"/api/v1/tokens/{token.pk}").status_code == 404
        assert client.delete(f"/api/v1/tokens/all/{token.pk}").status_code == 403
        assert client.post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
        assert client.post(f"/users/tokens/{token.pk}/revoke/").status_code == 403
        assert client.delete(f"/api/v1/views/{view.pk}").status_code == 404
        assert client.get("/api/v1/views").json()["count"] == 0
        assert client.get("/api/v1/tokens").json()["count"] == 0
        assert client.get("/api/v1/tokens?user=admin").json()["count"] == 0
    token.refresh_from_db()
    assert token.valid
    assert SavedView.objects.filter(pk=view.pk).exists()


def test_nobody_becomes_more_by_fields_that_forms_do_not_have(site):
    client = site.client("viewer")
    body = {
        "page": "plot", "name": "x", "user": site.user("admin").pk, "user_id": 1, "id": 77,
        "is_superuser": True,
    }  # fmt: skip
    client.post("/api/v1/views", body, content_type="application/json")
    view = SavedView.objects.get()
    assert (view.user, view.pk == 77) == (site.user("viewer"), False)
    form = {
        "name": "t",
        "scope": "viewer",
        "days": "3",
        "user": site.user("admin").pk,
        "digest": "x",
    }
    client.post("/account/tokens/", form)
    token = ApiToken.objects.get()
    assert token.user == site.user("viewer")
    assert len(token.digest) == 64
    source = {
        "name": "s", "ra_hms": "1:0:0", "dec_dms": "+1", "pk": 500, "id": 500, "ra": "9",
        "modified": "2001-01-01", "photopolresults": "1",
    }  # fmt: skip
    site.client("observer").post("/sources/add/", source)
    made = AstroSource.objects.get()
    assert made.pk != 500
    assert made.ra == 15.0
    admin = site.client("admin")
    admin.post("/users/add/", {"username": "ana", "group": "viewer", "is_superuser": "on"})
    from django.contrib.auth.models import User

    ana = User.objects.get(username="ana")
    assert not ana.is_superuser
    assert not ana.is_staff


@pytest.mark.parametrize(
    "key",
    ["0", "-1", "99999999999999999999999", "1e3", "1.5", "%00", "1'--", "../1", "1/../2", "١"],
)
def test_forged_keys(site, key):
    client = site.client("admin")
    for path in (
        f"/sources/{key}/", f"/sources/{key}/edit/", f"/frames/raw/{key}/",
        f"/api/v1/sources/{key}",
        f"/api/v1/sources/{key}/chart.png", f"/api/v1/tokens/{key}",
        f"/admin/polarnight/rawfit/{key}/change/", f"/admin/polarnight/rawfit/?id_is={key}",
        f"/password/{key}/{key}/",
    ):  # fmt: skip
        answer = client.get(path, follow=True)
        assert answer.status_code in {200, 404, 405, 422}, (path, answer.status_code)
    for path in (
        f"/users/{key}/change/",
        f"/users/tokens/{key}/revoke/",
        f"/sources/{key}/delete/",
    ):
        assert client.post(path, {"do": "disable", "why": "x"}).status_code in {404, 422}, path


# --- names of files --------------------------------------------------------------------------

TRAVERSALS = [
    "../polarnight.db", "../../../../../../etc/passwd", "/etc/passwd", "..%2f..%2fetc%2fpasswd",
    "....//....//etc/passwd", "logs/../../secret.log", "polarnight.log/../../x", "~/.ssh/id_rsa",
    "file:///etc/passwd", "\\\\host\\share", "polarnight.log\x00.png", "%00", ".", "..", "",
    "C:\\boot.ini", "x" * 300,
]  # fmt: skip


@pytest.mark.parametrize("name", TRAVERSALS)
def test_no_name_leads_out_of_the_logs(site, name):
    get_settings().data.log_file.write_text("INFO fine\n")
    (site.root / "secret.log").write_text("INFO secret\n")
    client = site.client("operator")
    answer = client.get("/api/v1/logs/lines", {"name": name})
    assert answer.status_code in {404, 422}
    page = client.get("/logs/", {"log_file": name})
    for told in (answer.content, page.content):
        assert b"secret.log" not in told.replace(name.encode(), b"")
        assert b"root:" not in told
        assert str(site.root).encode() not in told


# --- too much --------------------------------------------------------------------------------


def test_what_is_huge_is_refused_soon(site):
    client = site.client("operator")
    long = "x" * 100_000
    assert client.get(f"/sources/?q={long}").status_code == 200
    assert client.get(f"/sources/?near={long}").status_code == 422
    assert client.get(f"/api/v1/sources?q={long}").status_code == 422
    assert client.get(f"/api/v1/logs/lines?name={long}").status_code == 422
    assert client.get("/api/v1/sources?limit=100000").status_code == 422
    assert client.get("/api/v1/sources?offset=" + "9" * 40).status_code == 422
    huge = SimpleUploadedFile("a.csv", b"x" * 6_000_000)
    assert client.post("/sources/import/", {"file": huge}).status_code == 422
    body = {"name": "a.csv", "text": "x" * 6_000_000}
    answer = client.post("/api/v1/sources/import", body, content_type="application/json")
    assert answer.status_code in {400, 413, 422}
    many = {f"f{n}": "x" for n in range(3000)}
    assert client.post("/sources/add/", many).status_code == 400
    form = {"name": "s", "ra_hms": "1" * 50_000, "dec_dms": "+1", "comment": "x" * 3_000_000}
    assert client.post("/sources/add/", form).status_code == 422
    deep = {"values": "[" * 100_000}
    answer = client.post("/api/v1/sources", deep, content_type="application/json")
    assert answer.status_code == 422
    answer = client.generic("POST", "/api/v1/sources", "[" * 100_000, "application/json")
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("bomb", ["(a+)+$", "(a|aa)+$", "(.*a){20}", "a*a*a*a*a*b", "(?R)", "[[a]"])
def test_bombs_of_patterns_do_not_go_off(site, bomb):
    epoch = Epoch.create("OSN-T090/2022-09-18")
    RawFit.objects.create(epoch=epoch, filename="a" * 190 + ".fit")
    answer = site.client("admin").get("/admin/polarnight/rawfit/", {"filename": bomb}, follow=True)
    assert answer.status_code == 200
    assert "a pattern holds" in answer.content.decode()


def test_aliases_of_yaml_do_not_expand(site):
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
    for n in range(1, 9):
        names = ",".join([f"*{chr(96 + n)}"] * 9)
        bomb += f"{chr(97 + n)}: &{chr(97 + n)} [{names}]\n"
    file = SimpleUploadedFile("a.yaml", bomb.encode())
    answer = site.client("operator").post("/sources/import/", {"file": file})
    assert answer.status_code == 422
    assert "expands to more than" in answer.content.decode()


@pytest.mark.parametrize(
    "text", ["' OR '1'='1", "'; DROP TABLE x; --", "%", "_", "\\", "1) UNION SELECT 1--", "\x00"]
)
def test_what_looks_like_sql_is_a_text(site, text):
    AstroSource.objects.create(name="one", ra_hms="1:0:0", dec_dms="+1")
    admin = site.client("admin")
    assert 'href="/sources/1' not in admin.get(
        "/sources/", {"q": text or "x"}
    ).content.decode() or (text == "\x00")
    for path, name in (
        ("/users/audit/", "text"), ("/users/audit/", "who"),
        ("/admin/polarnight/astrosource/", "q"),
        ("/admin/polarnight/rawfit/", "imgsize_is"), ("/admin/polarnight/rawfit/", "instrument"),
        ("/sources/", "sort"), ("/sources/", "kind"), ("/admin/polarnight/rawfit/", "o"),
    ):  # fmt: skip
        answer = admin.get(path, {name: text}, follow=True)
        assert answer.status_code in {200, 400, 422}, (path, name)
    assert AstroSource.objects.count() == 1


# --- log-in ----------------------------------------------------------------------------------


def test_no_table_is_asked_for_what_none_can_hold(site):
    asked = site.client("viewer").get("/api/v1/views", {"page": "plot\x00"})
    assert asked.status_code == 422


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)",
     "http:evil.example", "\thttps://evil.example"],
)  # fmt: skip
def test_no_door_leads_elsewhere(site, target):
    form = {"username": "admin", "password": "a long and quiet night", "next": target}
    for path in ("/login/", "/admin/login/"):
        client = Client()
        answer = client.post(path, form, follow=True)
        for there, _ in answer.redirect_chain:
            assert there.startswith("/"), there
            assert not there.startswith(("//", "/\\")), there
    answer = Client().get("/admin/login/", {"next": target}, follow=True)
    assert all(there.startswith("/login/") for there, _ in answer.redirect_chain)


def test_the_admin_site_has_no_log_in_of_its_own(site):
    for _ in range(8):
        form = {"username": "admin", "password": "wrong", "this_is_the_login_form": "1"}
        answer = Client().post("/admin/login/", form)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")


def test_guessing_names_of_links_leads_nowhere(site):
    for uid in ("MQ", "MTAw", "x" * 500, "%F0%9F%8C%8C"):
        for token in ("set-password", "abc-123", "x" * 500):
            page = Client().get(f"/password/{uid}/{token}/", follow=True)
            assert page.status_code == 200
            assert b"used or too old" in page.content
            form = {"new_password1": "an evil long night", "new_password2": "an evil long night"}
            Client().post(f"/password/{uid}/{token}/", form)
    answer = Client().post("/login/", {"username": "admin", "password": "an evil long night"})
    assert answer.status_code == 200
