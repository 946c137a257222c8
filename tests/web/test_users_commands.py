"""`polarnight user`: accounts from the shell."""

from __future__ import annotations

import io

import pytest


@pytest.fixture
def shell(archive, monkeypatch):
    """The command in this process, with standard input."""

    def run(*arguments, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = archive.run("user", *arguments)
        return status, archive.out + archive.err

    return run


GOOD = "seven quiet telescopes\n"


def test_the_first_user(shell):
    status, told = shell("add", "ana", "--group", "admin", "--password-stdin", stdin=GOOD)
    assert (status, told) == (0, "added ana to the group admin\n")
    from django.contrib.auth import authenticate
    from django.contrib.auth.models import User
    from django.test import RequestFactory

    from polarnight.web.access import Role, role_of
    from polarnight.web.models import ActionLog

    request = RequestFactory().post("/login/")
    assert authenticate(request, username="ana", password=GOOD.strip()) == User.objects.get()
    assert role_of(User.objects.get()) is Role.ADMIN
    entry = ActionLog.objects.get()
    assert (entry.what, entry.key, entry.after) == ("user added", "ana", {"group": "admin"})
    assert "ana" in shell("list")[1]


def test_what_is_refused(shell):
    told = {
        "weak": shell("add", "ana", "--password-stdin", stdin="12345678901\n"),
        "group": shell("add", "ana", "--group", "kings", "--password-stdin", stdin=GOOD),
        "name": shell("add", "a b", "--password-stdin", stdin=GOOD),
        "asked": shell("add", "ana"),
        "nobody": shell("change", "ana", "--group", "viewer"),
    }
    assert {status for status, _ in told.values()} == {2}
    assert "entirely numeric" in told["weak"][1]
    assert "'kings' is no group; there are viewer, observer, operator, admin" in told["group"][1]
    assert "no name for a user" in told["name"][1]
    assert "--password-stdin" in told["asked"][1]
    assert "there is no user 'ana'" in told["nobody"][1]
    from django.contrib.auth.models import User

    assert not User.objects.exists()


def test_changes(shell):
    shell("add", "ana", "--password-stdin", stdin=GOOD)
    assert shell("add", "ana", "--password-stdin", stdin=GOOD)[0] == 2
    assert shell("change", "ana")[0] == 2
    assert shell("change", "ana", "--group", "operator", "--disable")[0] == 0
    from django.contrib.auth.models import User

    ana = User.objects.get()
    assert [group.name for group in ana.groups.all()] == ["operator"]
    assert not ana.is_active
    assert (
        shell("change", "ana", "--enable", "--password-stdin", stdin="another long one\n")[0] == 0
    )
    ana.refresh_from_db()
    assert ana.is_active
    assert ana.check_password("another long one")
