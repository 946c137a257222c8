"""nginx with the files of deploy/ before gunicorn with ours: by TLS, and below a path."""

from __future__ import annotations

import contextlib
import http.client
import mimetypes
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

DEPLOY = Path(__file__).parents[3] / "deploy"
NGINX = next((p for p in (shutil.which("nginx"), "/usr/sbin/nginx") if p and Path(p).exists()), "")
NAME = "night.example.org"

needs_nginx = pytest.mark.skipif(not NGINX, reason="there is no nginx")


@dataclass(frozen=True)
class Door:
    """A site behind nginx: by TLS under its name, and below /iop4/ of another server."""

    root: Path
    home: Path
    tls: int
    plain: int
    below: int
    certificate: Path

    def ask(self, method, path, *, body=None, headers=(), plain=False):
        """Return status, headers and body of an answer under the name of the site."""
        if plain:
            line = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=30)
        else:
            trusted = ssl.create_default_context(cafile=str(self.certificate))
            line = http.client.HTTPSConnection("localhost", self.tls, timeout=30, context=trusted)
        return _answer(line, method, path, body, {"Host": NAME, **dict(headers)})

    def get_below(self, path):
        """Return status, headers and text of a page of the site below a path."""
        line = http.client.HTTPConnection("127.0.0.1", self.below, timeout=30)
        status, headers, body = _answer(line, "GET", path, None, {"Host": "localhost"})
        return status, headers, body.decode("utf-8", "replace")


def _answer(line, method, path, body, headers):
    with contextlib.closing(line):
        line.request(method, path, body=body, headers=headers)
        answer = line.getresponse()
        return answer.status, answer.headers, answer.read()


def _free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _certificate(key, certificate):
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    made = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(made.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(1))
        .add_extension(names, critical=False).sign(made, hashes.SHA256())
    )  # fmt: skip
    key.write_bytes(
        made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def _configure(place):
    """Write a configuration from the files of deploy/, with paths and ports of this machine."""
    key, certificate = place / "key.pem", place / "certificate.pem"
    _certificate(key, certificate)
    proxy = place / "proxy.conf"
    shutil.copy(DEPLOY / "nginx" / "polarnight-proxy.conf", proxy)
    tls, plain, below = _free(), _free(), _free()

    def mine(name):
        text = (DEPLOY / "nginx" / name).read_text()
        text = text.replace("/run/polarnight/web.sock", str(place / "web.sock"))
        text = text.replace("/etc/nginx/snippets/polarnight-proxy.conf", str(proxy))
        text = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", str(key), text)
        text = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", str(certificate), text)
        text = re.sub(r"\n *listen \[::\][^;]*;", "", text)
        text = text.replace("listen 80;", f"listen 127.0.0.1:{plain};")
        return text.replace("listen 443 ", f"listen 127.0.0.1:{tls} ")

    user = "user root;" if os.geteuid() == 0 else ""  # the socket is in a directory of ours
    types = "/etc/nginx/mime.types"
    (place / "nginx.conf").write_text(f"""{user} daemon off; pid {place}/nginx.pid;
    error_log {place}/error.log; events {{}}
    http {{ {f"include {types};" if Path(types).exists() else ""} access_log off;
    client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
    uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
    {mine("polarnight-limits.conf")}
    {mine("polarnight.conf")}
    server {{ listen 127.0.0.1:{below}; server_name localhost;
    {mine("polarnight-subpath.conf")} }} }}""")
    return tls, plain, below, certificate


@needs_nginx
def test_nginx_takes_its_files(tmp_path):
    _configure(tmp_path)
    done = subprocess.run(
        [NGINX, "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.replace("could not open error log file", ""), done.stderr


@needs_nginx
def test_a_flood_of_log_ins_does_not_reach_the_site(tmp_path):
    """There is no site behind: what passes gets a 502."""
    found = Door(tmp_path, tmp_path, *_configure(tmp_path))
    server = subprocess.Popen([NGINX, "-c", str(tmp_path / "nginx.conf")])

    def below(method, path):
        line = http.client.HTTPConnection("127.0.0.1", found.below, timeout=30)
        return _answer(line, method, path, None, {"Host": "localhost"})[0]

    try:
        until = time.monotonic() + 30
        while not (tmp_path / "nginx.pid").exists() and time.monotonic() < until:
            time.sleep(0.1)
        statuses = [found.ask("POST", "/login/")[0] for _ in range(40)]
        assert statuses[:20] == [502] * 20
        assert 429 in statuses
        assert below("POST", "/iop4/login/") == 429
        assert {found.ask("GET", "/login/")[0], below("GET", "/iop4/login/")} == {502}
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def test_what_is_text_is_sent_small():
    """nginx compresses what the site calls its scripts, styles and data."""
    from whitenoise.media_types import MediaTypes

    found = re.search(r"gzip_types ([^;]*);", (DEPLOY / "nginx" / "polarnight.conf").read_text())
    named = set(found[1].split())
    types = MediaTypes()
    sent = {types.get_type(name).partition(";")[0] for name in ("a.js", "a.css", "a.svg", "a.json")}
    assert sent <= named, sent - named
    assert mimetypes.guess_type("a.csv")[0] in named


@pytest.fixture(scope="module")
def door(small_site, tmp_path_factory):
    place = tmp_path_factory.mktemp("door")
    root, home = place / "data", place / "home"
    shutil.copytree(small_site.root, root)
    home.mkdir()
    env = {
        **os.environ,
        "HOME": str(home),
        "POLARNIGHT_CONFIG": os.devnull,
        "POLARNIGHT_DATADIR": str(root),
        "POLARNIGHT_WEB__ALLOWED_HOSTS": f"{NAME},localhost",
        "POLARNIGHT_WEB__TRUSTED_PROXIES": "1",
        "POLARNIGHT_WEB__WORKERS": "1",
        "GUNICORN_BIND": f"unix:{place / 'web.sock'}",
    }
    env.pop("DJANGO_SETTINGS_MODULE", None)
    found = Door(root, home, *_configure(place))
    log = (place / "log").open("w")
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(DEPLOY / "gunicorn.conf.py")]
    processes = [
        subprocess.Popen([*gunicorn, "polarnight.web.wsgi:application"], env=env, stderr=log),
        subprocess.Popen([NGINX, "-c", str(place / "nginx.conf")], stderr=log),
    ]
    try:
        until = time.monotonic() + 60
        status = 0
        while status != 200 and time.monotonic() < until:
            with contextlib.suppress(OSError):
                status = found.ask("GET", "/login/")[0]
            if status != 200:
                time.sleep(0.2)
        assert status == 200, (place / "log").read_text()
        yield found
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)
        log.close()


@needs_nginx
@pytest.mark.slow
def test_the_site_below_a_path(door):
    status, headers, text = door.get_below("/iop4/login/")
    assert status == 200
    assert 'name="root" content="/iop4"' in text
    links = re.findall(r'(?:href|src|action)="([^"#]*)"', text)
    assert links
    assert all(link.startswith("/iop4/") or link == "" for link in links), links
    style = next(link for link in links if link.endswith("polarnight.css"))
    assert door.get_below(style)[0] == 200
    status, headers, _ = door.get_below("/iop4/")
    assert (status, headers["Location"]) == (302, "/iop4/login/?next=/iop4/")
    status, headers, text = door.get_below("/iop4/api/v1/me")
    assert status == 401
    assert headers["Content-Type"] == "application/problem+json"
    nothing = door.get_below("/iop4/api/v1/nothing")
    assert nothing[1]["Content-Type"] == "application/problem+json"
    assert door.get_below("/iop4")[1]["Location"].endswith("/iop4/")


@needs_nginx
@pytest.mark.slow
def test_the_site_by_tls(door):
    status, headers, _ = door.ask("GET", "/login/", plain=True)
    assert (status, headers["Location"]) == (301, f"https://{NAME}/login/")
    _, headers, _ = door.ask("GET", "/login/")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    script = "/static/bokeh/bokeh.min.js"
    status, headers, body = door.ask("GET", script, headers={"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert len(body) < 500_000
    assert door.ask("POST", "/login/", body=b"x" * (7 << 20))[0] == 413
    # gunicorn opens a door of its own where it is not told otherwise.
    assert not list(door.home.rglob("*.ctl"))


@needs_nginx
@pytest.mark.slow
def test_a_forged_address_does_not_help(door):
    """The pause after wrong passwords goes by the address that nginx saw."""
    statuses = []
    for number in range(7):
        _, headers, page = door.ask("GET", "/login/")
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page.decode())[1]
        form = {"username": "viewer", "password": "wrong", "csrfmiddlewaretoken": token}
        forged = f"10.9.8.{number}"
        more = {
            "Cookie": headers["Set-Cookie"].partition(";")[0],
            "Content-Type": "application/x-www-form-urlencoded",
            "Referer": f"https://{NAME}/login/",
            "X-Forwarded-For": forged,
            "X-Real-IP": forged,
            "Forwarded": f"for={forged}",
        }
        statuses.append(door.ask("POST", "/login/", body=urlencode(form), headers=more)[0])
    assert statuses[:4] == [200] * 4
    assert statuses[5:] == [429] * 2
    with contextlib.closing(sqlite3.connect(door.root / "iop4.db")) as database:
        told = database.execute("SELECT DISTINCT ip_address FROM axes_accessattempt").fetchall()
    assert told == [("127.0.0.1",)]
    # What goes wrong below the site is in the log that *Logs* shows.
    assert "axes" in (door.root / "logs" / "polarnight.log").read_text()
