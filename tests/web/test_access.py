"""Roles, tokens, sessions, log-in and its limits."""

from __future__ import annotations

import base64
import json
import re
from base64 import b64encode
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.test import Client, RequestFactory
from django.utils import timezone

from polarnight.config import load_settings, use_settings
from polarnight.web.access import Action, Role, allowed, role_of
from polarnight.web.access.clients import client_ip
from polarnight.web.models import ActionLog, ApiToken

PASSWORD = "a long and quiet night"
ME = "/api/v1/me"


def bearer(secret: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


# --- roles ---------------------------------------------------------------------------------


def test_roles_follow_groups(users, nobody):
    assert {name: role_of(user).label for name, user in users.items()} == {
        name: name for name in users
    }
    assert role_of(nobody) is Role.NOBODY
    assert role_of(AnonymousUser()) is Role.NOBODY
    nobody.is_superuser = True
    assert role_of(nobody) is Role.ADMIN


def test_the_highest_group_counts(nobody):
    nobody.groups.add(*Group.objects.filter(name__in=["viewer", "operator"]))
    assert role_of(nobody) is Role.OPERATOR


def test_a_disabled_user_may_nothing(users):
    users["admin"].is_active = False
    assert role_of(users["admin"]) is Role.NOBODY


def test_groups_of_others_give_nothing(nobody):
    nobody.groups.add(Group.objects.create(name="nobody"), Group.objects.create(name="kings"))
    assert role_of(nobody) is Role.NOBODY


def test_who_may_what(users):
    may = {
        name: {action.value for action in Action if allowed(user, action)}
        for name, user in users.items()
    }
    assert may["viewer"] == {"public", "view", "own", "account"}
    assert may["observer"] - may["viewer"] == {"flag", "comment", "edit_source"}
    assert may["operator"] - may["observer"] == {"run", "console", "import", "logs"}
    assert may["admin"] - may["operator"] == {"admin"}


def test_strangers_see_results_only_where_the_site_says_so(site):
    assert site.client().get("/").status_code == 302
    use_settings(load_settings(overrides={"datadir": site.root, "web.anonymous": "viewer"}))
    assert site.client().get("/").status_code == 200
    assert site.client().get(ME).json()["role"] == "viewer"
    assert site.client().get("/account/").status_code == 302
    assert site.client().get("/api/v1/views").status_code == 401
    assert site.client().post("/api/v1/flags", content_type="application/json").status_code == 401


# --- tokens ----------------------------------------------------------------------------------


def test_a_token_speaks_for_its_user_and_no_louder(users):
    client = Client()
    for user, scope, role in (
        ("admin", Role.VIEWER, "viewer"),
        ("admin", Role.ADMIN, "admin"),
        ("viewer", Role.ADMIN, "viewer"),
    ):
        _, secret = ApiToken.issue(users[user], "t", scope, 30)
        answer = client.get(ME, **bearer(secret)).json()
        assert (answer["username"], answer["role"]) == (user, role)


def test_a_token_makes_no_tokens(users):
    _, secret = ApiToken.issue(users["admin"], "t", Role.ADMIN, 30)
    user = ApiToken.find(secret).user
    user.polarnight_limit = Role.ADMIN
    assert not allowed(user, Action.ACCOUNT)
    assert allowed(user, Action.OWN)
    assert Client().get("/account/", **bearer(secret)).status_code == 302


@pytest.mark.parametrize("spoil", ["expired", "revoked", "disabled", "unknown", "empty", "odd"])
def test_a_token_that_is_not_valid(users, spoil):
    token, secret = ApiToken.issue(users["viewer"], "t", Role.VIEWER, 30)
    if spoil == "expired":
        ApiToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    elif spoil == "revoked":
        token.revoke()
    elif spoil == "disabled":
        User.objects.filter(username="viewer").update(is_active=False)
    else:
        secret = {"unknown": secret[:-1], "empty": "", "odd": "\xff\xfe ü"}[spoil]
    answer = Client().get(ME, **bearer(secret))
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 401


def test_only_the_hash_is_kept(users):
    token, secret = ApiToken.issue(users["viewer"], "t", Role.VIEWER, 30)
    row = {field.name: str(getattr(token, field.name)) for field in ApiToken._meta.fields}
    assert secret not in json.dumps(row)
    assert len(base64.urlsafe_b64decode(secret.removeprefix("pnt_") + "=")) == 32


def test_use_is_noted_but_not_at_every_request(users, django_assert_num_queries):
    token, secret = ApiToken.issue(users["viewer"], "t", Role.VIEWER, 30)
    client = Client()
    client.get(ME, **bearer(secret))
    token.refresh_from_db()
    assert token.last_used is not None
    with django_assert_num_queries(2):  # the token with its user, and the groups
        client.get(ME, **bearer(secret))


def test_a_token_needs_no_csrf_and_a_session_does(users):
    _, secret = ApiToken.issue(users["observer"], "t", Role.OBSERVER, 30)
    strict = Client(enforce_csrf_checks=True)
    body = {"page": "plot", "name": "mine", "query": ""}
    sent = {"data": body, "content_type": "application/json"}
    assert strict.post("/api/v1/views", **sent, **bearer(secret)).status_code in {200, 201}
    strict.force_login(users["observer"], backend="django.contrib.auth.backends.ModelBackend")
    refused = strict.post("/api/v1/views", **sent)
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
    page = strict.get("/about/").content.decode()
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]
    body["name"] = "another"
    assert strict.post("/api/v1/views", **sent, HTTP_X_CSRFTOKEN=token).status_code in {200, 201}


def test_tokens_of_others_are_out_of_reach(site):
    token, _ = ApiToken.issue(site.user("admin"), "t", Role.ADMIN, 30)
    assert site.client("operator").post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.valid


def test_a_token_is_no_stronger_than_the_form_allows(site):
    form = {"name": "x", "scope": "admin", "days": "30"}
    assert site.client("viewer").post("/account/tokens/", form).status_code == 422
    form = {"name": "x", "scope": "viewer", "days": "100000"}
    assert site.client("viewer").post("/account/tokens/", form).status_code == 422
    assert not ApiToken.objects.exists()
    form = {"name": "<script>x</script>", "scope": "viewer", "days": "30"}
    answer = site.client("viewer").post("/account/tokens/", form)
    assert b"<script>x" not in answer.content
    assert ApiToken.objects.get().user == site.user("viewer")
    assert "no-store" in answer["Cache-Control"]
    assert ActionLog.objects.exclude(what="logged in").get().what == "token made"


# --- log-in ------------------------------------------------------------------------------------


def log_in(client: Client, name: str = "viewer", password: str = PASSWORD, **more):
    return client.post("/login/", {"username": name, "password": password, **more})


def test_the_session_key_changes_at_log_in(users):
    client = Client()
    client.get("/login/")
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = session.session_key
    client.cookies["polarnight_session"] = before
    assert log_in(client).status_code == 302
    assert client.cookies["polarnight_session"].value != before
    stranger = Client()
    stranger.cookies["polarnight_session"] = before
    assert stranger.get("/").status_code == 302


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "http:///evil"]
)
def test_log_in_leads_nowhere_else(users, target):
    assert log_in(Client(), next=target)["Location"] == "/"
    assert log_in(Client(), next="/about/?a=1")["Location"] == "/about/?a=1"


def test_log_ins_are_written_down(users):
    assert log_in(Client(REMOTE_ADDR="198.51.100.9")).status_code == 302
    entry = ActionLog.objects.get()
    assert (entry.who, entry.what, entry.ip) == ("viewer", "logged in", "198.51.100.9")


def test_log_out_needs_a_form(site):
    client = site.client("viewer")
    assert client.get("/logout/").status_code == 405
    assert client.get("/").status_code == 200
    client.post("/logout/")
    assert client.get("/").status_code == 302


def test_five_wrong_passwords_make_a_pause(users):
    client = Client(REMOTE_ADDR="198.51.100.7")
    for _ in range(4):
        assert log_in(client, password="wrong").status_code == 200
    assert log_in(client, password="wrong").status_code == 429
    answer = log_in(client)  # the right one, too late
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.content.decode()
    assert answer["Retry-After"] == "900"
    assert client.get("/").status_code == 302
    # Others from there, and the user from elsewhere, may go on.
    assert log_in(Client(REMOTE_ADDR="198.51.100.7"), "observer").status_code == 302
    assert log_in(Client(REMOTE_ADDR="198.51.100.8")).status_code == 302


def test_who_has_many_addresses_has_to_wait_as_well(users):
    for number in range(5):
        log_in(Client(REMOTE_ADDR=f"2001:db8::{number + 1:x}"), password="wrong")
    assert log_in(Client(REMOTE_ADDR="2001:db8::ffff")).status_code == 429
    assert log_in(Client(REMOTE_ADDR="2001:db8:0:1::1")).status_code == 302


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_table_holds_is_wrong(users, name):
    from axes.models import AccessAttempt

    assert log_in(Client(), name).status_code == 200
    header = "Basic " + b64encode(f"{name}:x".encode()).decode()
    asked = "/api/v1/ophidia/files?path=/x"
    assert Client().get(asked, HTTP_AUTHORIZATION=header).status_code == 401
    assert not AccessAttempt.objects.exists()


def test_the_pause_ends(users):
    from axes.models import AccessAttempt

    client = Client()
    for _ in range(5):
        log_in(client, password="wrong")
    assert log_in(client).status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert log_in(client).status_code == 302


def test_a_wrong_name_looks_like_a_wrong_password(users):
    def shown(answer):
        return re.sub(r'(value|content)="[^"]*"', "", answer.content.decode())

    assert shown(log_in(Client(), "viewer", "wrong")) == shown(log_in(Client(), "ghost", "wrong"))


def test_a_changed_password_ends_other_sessions(users):
    here, there = Client(), Client()
    log_in(here)
    log_in(there)
    new = "an even longer quiet night"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post("/account/password/", form).status_code == 302
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    weak = {"old_password": new, "new_password1": "viewer1", "new_password2": "viewer1"}
    answer = here.post("/account/password/", weak)
    assert answer.status_code == 422
    assert "too short" in answer.content.decode()


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),  # the first was written by the client
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "<script>", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_addresses_are_believed_as_far_as_proxies_wrote_them(proxies, forwarded, expected):
    use_settings(load_settings(overrides={"web.trusted_proxies": proxies}))
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR="192.0.2.1")
    assert client_ip(request) == expected
