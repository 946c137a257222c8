"""The site is safe as it comes: key, headers, cookies, hosts, errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.test import Client

from polarnight.errors import ConfigError
from polarnight.web.secret import ensure_secret, read_secret


def test_the_key_is_made_once_and_for_its_owner(tmp_path):
    path = tmp_path / "new" / "web-key"
    assert read_secret(path) == ""
    key = ensure_secret(path)
    assert len(key) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_secret(path) == key == read_secret(path)
    assert [p.name for p in path.parent.iterdir()] == ["web-key"]
    assert ensure_secret(tmp_path / "other") != key


def test_processes_that_start_together_have_one_key(tmp_path):
    path, found = tmp_path / "web-key", []
    threads = [threading.Thread(target=lambda: found.append(ensure_secret(path))) for _ in range(1)]
    code = (
        "import sys; from pathlib import Path; from polarnight.web.secret import ensure_secret;"
        "print(ensure_secret(Path(sys.argv[1])))"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    keys = {other.communicate()[0].strip() for other in others}
    for thread in threads:
        thread.join()
    assert keys == set(found)
    assert len(keys) == 1


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 60])
def test_a_file_that_is_no_key(tmp_path, content):
    path = tmp_path / "web-key"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="web-key"):
        ensure_secret(path)


def _values(tmp_path, *names, **given) -> dict:
    """Return settings of the site in a process with other configuration."""
    env = {
        **os.environ,
        "POLARNIGHT_DATADIR": str(tmp_path),
        "POLARNIGHT_CONFIG": os.devnull,
        **{f"POLARNIGHT_WEB__{key.upper()}": str(value) for key, value in given.items()},
    }
    code = (
        "import json, sys; from polarnight.web import settings;"
        "print(json.dumps({n: getattr(settings, n, None) for n in sys.argv[1:]}))"
    )
    command = [sys.executable, "-c", code, *names]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_https_tightens_what_browsers_may(tmp_path):
    names = (
        "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS", "CSRF_TRUSTED_ORIGINS", "DEBUG", "ALLOWED_HOSTS",
    )  # fmt: skip
    plain = _values(tmp_path, *names)
    assert plain["DEBUG"] is False
    assert plain["SESSION_COOKIE_SECURE"] is False
    assert "*" not in plain["ALLOWED_HOSTS"]
    given = {"https": "true", "hsts_days": 30, "allowed_hosts": "night.example.org, localhost"}
    https = _values(tmp_path, *names, **given)
    assert https["SESSION_COOKIE_SECURE"] is True
    assert https["CSRF_COOKIE_SECURE"] is True
    assert https["SECURE_SSL_REDIRECT"] is True
    assert https["SECURE_HSTS_SECONDS"] == 30 * 86400
    assert https["ALLOWED_HOSTS"] == ["night.example.org", "localhost"]
    assert https["CSRF_TRUSTED_ORIGINS"] == ["https://night.example.org", "https://localhost"]
    assert not list(tmp_path.iterdir())  # reading settings writes nothing


def test_headers_of_every_answer(site):
    for path in ("/about/", "/login/", "/api/v1/me", "/no-such-page", "/api/v1/nothing"):
        answer = site.client().get(path)
        policy = answer["Content-Security-Policy"]
        script = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert script == "script-src 'self'"
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in answer
    assert "no-store" in site.client("viewer").get("/").headers["Cache-Control"]


def test_cookies_are_kept_from_scripts_and_other_sites(site):
    client = Client()
    client.post("/login/", {"username": "viewer", "password": "a long and quiet night"})
    client.get("/login/")
    for name in ("polarnight_session", "polarnight_csrf"):
        cookie = client.cookies[name]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"


def test_another_host_name_is_refused(site):
    answer = site.client().get("/about/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert b"web.allowed_hosts" in answer.content
    assert b"evil.example" not in answer.content


def test_a_form_of_another_site_is_refused(users):
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/login/", {"username": "viewer", "password": "a long and quiet night"})
    assert answer.status_code == 403
    assert b"Form refused" in answer.content


def test_a_body_that_is_too_large_is_refused(site):
    body = b'{"page": "' + b"x" * 6_000_000 + b'"}'
    answer = site.client("viewer").post("/api/v1/views", body, content_type="application/json")
    assert answer.status_code in {400, 413}
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/api/v1/nothing", 404),
        ("get", "/api/", 404),
        ("post", "/api/v1/me", 405),
        ("get", "/api/v1/views?limit=100000", 422),
        ("get", "/api/v1/views?offset=-1", 422),
        ("get", "/api/v1/views?offset=99999999999999999999999", 422),
    ],
)
def test_errors_of_the_api_are_problem_details(site, method, path, status):
    answer = getattr(site.client("viewer"), method)(path)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    if status == 405:
        assert answer["Allow"]


def test_a_fault_is_told_without_a_word_of_code(site, monkeypatch, caplog):
    def fails(*_):
        msg = "secret inside"
        raise RuntimeError(msg)

    monkeypatch.setattr("polarnight.web.api.me.role_of", fails)
    client = site.client("viewer")
    client.raise_request_exception = False
    answer = client.get("/api/v1/me")
    assert answer.status_code == 500
    assert "secret inside" not in answer.content.decode()
    assert "secret inside" in caplog.text
    monkeypatch.setattr("polarnight.web.pages.home.last_nights", fails)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "A fault of Polarnight" in answer.content.decode()
    assert "secret inside" not in answer.content.decode()


def test_deployment_checks_of_django_pass(tmp_path):
    env = {
        **os.environ,
        "POLARNIGHT_DATADIR": str(tmp_path),
        "POLARNIGHT_CONFIG": os.devnull,
        "POLARNIGHT_WEB__HTTPS": "true",
        "POLARNIGHT_WEB__HSTS_DAYS": "30",
    }
    manage = Path(__file__).parents[2] / "manage.py"
    command = [sys.executable, str(manage), "check", "--deploy"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    # Subdomains and the list of browsers are the decision of who owns the domain.
    assert set(re.findall(r"\(\w+\.[WE]\d+\)", done.stderr)) == {
        "(security.W005)",
        "(security.W021)",
    }
