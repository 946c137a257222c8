"""Users, their passwords and tokens, as administrators manage them; and the audit."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from polarnight.db import Epoch, RawFit
from polarnight.web.access import Role, role_of
from polarnight.web.accounts.audit import AuditQuery, count_deeds, deeds
from polarnight.web.models import ActionLog, ApiToken

GOOD = "an even longer quiet night"


def text(answer):
    return answer.content.decode()


def change(site, name, do, **more):
    user = User.objects.get(username=name)
    return site.client("admin").post(f"/users/{user.pk}/change/", {"do": do, **more})


def link_in(answer):
    return re.search(r'id="link">http://testserver([^<]+)<', text(answer))[1]


def choose(client, path, password=GOOD):
    """Follow a link and choose a password, as a browser does."""
    page = client.get(path, follow=True)
    if b"new_password1" not in page.content:
        return page
    there = page.redirect_chain[-1][0]
    form = {"new_password1": password, "new_password2": password}
    return client.post(there, form, follow=True)


def logs_in(name, password):
    form = {"username": name, "password": password}
    return Client().post("/login/", form).status_code == 302


def done():
    """Return what was done to users, oldest first."""
    log = ActionLog.objects.filter(kind="User").order_by("id")
    return [entry.what for entry in log]


def test_a_new_user_chooses_a_password_once(site):
    answer = site.client("admin").post("/users/add/", {"username": "ana", "group": "observer"})
    path = link_in(answer)
    assert "no-store" in answer["Cache-Control"]
    ana = User.objects.get(username="ana")
    assert role_of(ana) is Role.OBSERVER
    assert not ana.has_usable_password()
    assert "too short" in text(choose(Client(), path, "short"))
    assert "log in with it" in text(choose(Client(), path))
    assert logs_in("ana", GOOD)
    assert "used or too old" in text(choose(Client(), path))
    assert path not in text(site.client("admin").get("/users/"))
    assert done() == ["user added", "password reset"]
    assert not any(path in str(entry.after) for entry in ActionLog.objects.all())


@pytest.mark.parametrize(
    ("name", "group", "told"),
    [
        ("", "viewer", "no name"), ("a b", "viewer", "no name"), ("admin", "viewer", "already"),
        ("ADMIN", "viewer", "already"), ("ana", "king", "is no group"),
        ("x" * 200, "viewer", "no name"),
        ("<script>alert(1)</script>", "viewer", "no name"),
    ],
)  # fmt: skip
def test_users_that_cannot_be(site, name, group, told):
    answer = site.client("admin").post("/users/add/", {"username": name, "group": group})
    assert answer.status_code == 422
    assert told in text(answer)
    assert "<script>alert" not in text(answer)
    assert User.objects.count() == 4


def test_a_reset_ends_password_sessions_and_tokens(site):
    _, secret = ApiToken.issue(site.user("viewer"), "t", Role.VIEWER, 30)
    session = site.client("viewer")
    assert session.get("/").status_code == 200
    path = link_in(change(site, "viewer", "reset"))
    assert session.get("/").status_code == 302
    assert not logs_in("viewer", "a long and quiet night")
    answer = Client().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert answer.status_code == 401
    second = link_in(change(site, "viewer", "reset"))
    assert "used or too old" in text(choose(Client(), path))  # the newer counts
    choose(Client(), second)
    assert logs_in("viewer", GOOD)


def test_a_link_ages(site, settings):
    path = link_in(change(site, "viewer", "reset"))
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert "used or too old" in text(choose(Client(), path))


def test_a_link_of_a_disabled_user_does_nothing(site):
    path = link_in(change(site, "viewer", "reset"))
    change(site, "viewer", "disable")
    assert "this user is disabled" in text(choose(Client(), path))
    assert not User.objects.get(username="viewer").has_usable_password()


def test_groups(site):
    assert change(site, "viewer", "group", group="operator").status_code == 302
    viewer = User.objects.get(username="viewer")
    assert list(viewer.groups.values_list("name", flat=True)) == ["operator"]
    entry = ActionLog.objects.get(what="user changed")
    assert (entry.key, entry.before, entry.after) == (
        "viewer", {"groups": ["viewer"]}, {"groups": ["operator"]},
    )  # fmt: skip
    assert change(site, "viewer", "group", group="king").status_code == 422


def test_disabling_ends_sessions_at_once(site):
    session = site.client("viewer")
    change(site, "viewer", "disable")
    assert session.get("/").status_code == 302
    assert not logs_in("viewer", "a long and quiet night")
    change(site, "viewer", "enable")
    assert logs_in("viewer", "a long and quiet night")
    assert done() == ["user disabled", "user enabled"]


@pytest.mark.parametrize("do", ["disable", "group", "reset"])
def test_nobody_locks_oneself_out(site, do):
    answer = change(site, "admin", do, group="viewer")
    assert answer.status_code == 422
    assert "another administrator" in text(answer)
    assert role_of(User.objects.get(username="admin")) is Role.ADMIN


def test_one_administrator_is_left(site):
    from polarnight.errors import ConfigError
    from polarnight.web.accounts.changing import set_active, set_group

    for act in (lambda u: set_active(u, False, who="x"), lambda u: set_group(u, "viewer", who="x")):
        with pytest.raises(ConfigError, match="nobody would be left"):
            act(User.objects.get(username="admin"))
        assert role_of(User.objects.get(username="admin")) is Role.ADMIN
    assert done() == []


def test_setting_a_password(site):
    answer = change(site, "viewer", "password", password="short")
    assert answer.status_code == 422
    assert change(site, "viewer", "password", password=GOOD).status_code == 302
    assert logs_in("viewer", GOOD)
    assert GOOD not in str(list(ActionLog.objects.values()))


def test_unlocking(site):
    for _ in range(5):
        logs_in("viewer", "wrong")
    assert not logs_in("viewer", "a long and quiet night")
    change(site, "viewer", "unlock")
    assert logs_in("viewer", "a long and quiet night")


def test_tokens_of_all(site):
    token, _ = ApiToken.issue(site.user("viewer"), "<b>t</b>", Role.VIEWER, 30)
    page = text(site.client("admin").get("/users/tokens/"))
    assert "&lt;b&gt;t&lt;/b&gt;" in page
    assert token.digest not in page
    site.client("admin").post(f"/users/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert not token.valid
    entry = ActionLog.objects.get(what="token revoked")
    assert (entry.who, entry.after) == ("admin", {"user": "viewer"})
    assert "none" in text(site.client("admin").get("/users/tokens/"))


def test_the_list_asks_little(site, django_assert_max_num_queries):
    client = site.client("admin")
    client.get("/users/")
    with django_assert_max_num_queries(6):
        page = text(client.get("/users/"))
    assert all(f"{role}" in page for role in ("viewer", "observer", "operator", "admin"))


# --- API -----------------------------------------------------------------------------------


def send(client, method, path, body=None):
    return getattr(client, method)(f"/api/v1{path}", body, content_type="application/json")


def test_users_over_the_api(site):
    client = site.client("admin")
    assert client.get("/api/v1/users").json()["count"] == 4
    answer = send(client, "post", "/users", {"username": "ana", "group": "viewer"})
    assert answer.status_code == 201
    assert "log in with it" in text(choose(Client(), answer.json()["link"]))
    key = answer.json()["user"]["id"]
    changed = send(client, "patch", f"/users/{key}", {"group": "observer", "active": False}).json()
    assert (changed["role"], changed["active"]) == ("nobody", False)
    assert (
        send(client, "patch", f"/users/{site.user('admin').pk}", {"active": False}).status_code
        == 409
    )
    assert send(client, "post", "/users", {"username": "ana"}).status_code == 422
    assert send(site.client("operator"), "post", "/users", {"username": "bob"}).status_code == 403


def test_tokens_over_the_api(site):
    mine, secret = ApiToken.issue(site.user("viewer"), "mine", Role.VIEWER, 30)
    theirs, _ = ApiToken.issue(site.user("observer"), "theirs", Role.VIEWER, 30)
    client = Client(HTTP_AUTHORIZATION=f"Bearer {secret}")
    rows = client.get("/api/v1/tokens").json()["items"]
    assert [row["name"] for row in rows] == ["mine"]
    assert "digest" not in rows[0]
    assert client.delete(f"/api/v1/tokens/{theirs.pk}").status_code == 404
    assert client.get("/api/v1/tokens/all").status_code == 403
    assert client.delete(f"/api/v1/tokens/{mine.pk}").status_code == 204
    assert client.get("/api/v1/me").status_code == 401
    admin = site.client("admin")
    assert admin.get("/api/v1/tokens/all").json()["count"] == 2
    assert admin.get("/api/v1/tokens/all?user=observer").json()["count"] == 1
    assert admin.delete(f"/api/v1/tokens/all/{theirs.pk}").status_code == 204
    theirs.refresh_from_db()
    assert not theirs.valid


# --- audit ---------------------------------------------------------------------------------


@pytest.fixture
def busy(site):
    """Flags and other actions, in turns, a minute apart."""
    from polarnight.db.models.audit import FlagChange

    epoch = Epoch.create("OSN-T090/2022-09-18")
    row = RawFit.objects.create(epoch=epoch, filename="a.fit")
    site.client("admin")
    ActionLog.objects.all().delete()
    start = timezone.now() - timedelta(days=3)
    for n in range(6):
        if n % 2:
            row.flag("IGNORE", why=f"clouds {n}", who="ana") if n % 4 == 1 else row.unflag(
                "IGNORE", why=f"clouds {n}", who="ana"
            )
            made = FlagChange.objects.order_by("id").last()
            FlagChange.objects.filter(pk=made.pk).update(when=start + timedelta(minutes=n))
        else:
            entry = ActionLog.record(
                "bob", "source edited", "=cmd()", after={"x": n}, why="<b>w</b>"
            )
            ActionLog.objects.filter(pk=entry.pk).update(when=start + timedelta(minutes=n))
    return start


def test_both_histories_in_one_order(busy):
    everything = deeds(AuditQuery(), 0, 10)
    assert [deed.who for deed in everything] == ["ana", "bob"] * 3
    assert [deed.when for deed in everything] == sorted((d.when for d in everything), reverse=True)
    assert everything[0].what == "IGNORE set"
    assert everything[0].key == "OSN-T090/2022-09-18/a.fit"
    pages = [deeds(AuditQuery(), n, n + 2) for n in (0, 2, 4)]
    assert [deed for page in pages for deed in page] == everything
    assert count_deeds(AuditQuery()) == 6


def test_audit_filters(busy):
    assert count_deeds(AuditQuery(who="ana")) == 3
    assert count_deeds(AuditQuery(kind="RawFit")) == 3
    assert count_deeds(AuditQuery(text="clouds 3")) == 1
    assert count_deeds(AuditQuery(text="EDITED")) == 3
    day = busy.date().isoformat()
    assert (
        count_deeds(AuditQuery(first=day, last=(busy + timedelta(days=1)).date().isoformat())) == 6
    )
    assert count_deeds(AuditQuery(last=(busy - timedelta(days=2)).date().isoformat())) == 0


def test_the_page_of_the_audit(site, busy):
    client = site.client("admin")
    page = text(client.get("/users/audit/"))
    assert "&lt;b&gt;w&lt;/b&gt;" in page
    assert "clouds 5" in page
    assert client.get("/users/audit/?first=yesterday").status_code == 422
    assert client.get("/users/audit/?first=0001-01-01").status_code == 422
    assert client.get("/users/audit/?page=9").status_code == 200
    assert site.client("operator").get("/users/audit/").status_code == 403


def test_the_audit_as_csv(site, busy):
    answer = site.client("admin").get("/users/audit.csv?kind=&text=")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    ours = [row for row in rows if row["who"] in {"ana", "bob"}]
    assert [row["who"] for row in ours] == ["ana", "bob"] * 3
    assert ours[1]["key"] == "'=cmd()"
    assert ours[1]["after"] == '{"x": 4}'
    assert site.client("admin").get("/users/audit.csv?first=x").status_code == 422


def test_the_audit_over_the_api(site, busy):
    answer = site.client("admin").get("/api/v1/users/audit?who=ana&limit=1&offset=1").json()
    assert answer["count"] == 3
    assert answer["items"][0]["why"] == "clouds 3"
    assert site.client("operator").get("/api/v1/users/audit").status_code == 403
