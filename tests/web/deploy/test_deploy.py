"""What the files of deploy/ name is there: commands, options, settings, paths."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
NGINX = next((p for p in (shutil.which("nginx"), "/usr/sbin/nginx") if p and Path(p).exists()), "")


def commands():
    """Every call of polarnight that units, images and the guide make."""
    found = []
    for unit in (DEPLOY / "systemd").glob("*.service"):
        found += re.findall(r"^Exec\w+=\S*/(polarnight .*)$", unit.read_text(), re.MULTILINE)
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    found += [
        shlex.join(service["command"])
        for service in compose["services"].values()
        if service.get("command", [""])[0] == "polarnight"
    ]
    docker = (DEPLOY / "Dockerfile").read_text()
    found += [shlex.join(yaml.safe_load(m)) for m in re.findall(r"^CMD (\[.*)$", docker, re.M)]
    guide = (ROOT / "docs" / "serving.md").read_text() + (DEPLOY / "compose.yaml").read_text()
    words = "user|serve|worker|config|doctor|run"
    found += re.findall(rf"(?:^|[\s/`])(polarnight (?:{words})\b[^\n`#|,;]*)", guide)
    return sorted(set(found))


def test_commands_and_options_exist():
    import typer

    from polarnight.cli.app import _register_once, app

    _register_once()
    top = typer.main.get_command(app)
    assert len(commands()) > 5
    for text in commands():
        words = shlex.split(text)[1:]
        command = top
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            name = words.pop(0)
            command = command.commands.get(name)
            assert command is not None, f"{text}: there is no {name}"
        known = {option for one in command.params for option in [*one.opts, *one.secondary_opts]}
        for word in words:
            if word.startswith("-"):
                assert word.partition("=")[0] in known, f"{text}: {word}"


def test_variables_and_settings_exist(tmp_path):
    from polarnight.config import load_settings

    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    environment = compose["services"]["web"]["environment"]
    filled = {
        key: re.sub(r"\$\{\w+:[?-]([^}]*)\}", lambda m: m[1] if "put" not in m[1] else "x", str(v))
        for key, v in environment.items()
    }
    settings = load_settings(None, environ={**filled, "POLARNIGHT_CONFIG": os.devnull})
    assert settings.cubes.scheduler == "tcp://scheduler:8786"
    assert settings.web.allowed_hosts == ("localhost",)
    settings = load_settings(DEPLOY / "polarnight.yaml", environ={})
    assert settings.web.trusted_proxies == 1
    assert settings.web.https
    lines = [
        line.split("=", 1)
        for line in (DEPLOY / "environment").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert load_settings(None, environ={**dict(lines), "POLARNIGHT_CONFIG": os.devnull})


def test_files_that_the_guide_copies_are_there():
    guide = (ROOT / "docs" / "serving.md").read_text()
    named = re.findall(r"deploy/([\w./-]*\w)", guide)
    assert len(named) > 6
    for name in named:
        assert (DEPLOY / name).exists(), name
    for entry in DEPLOY.rglob("*"):
        if entry.is_file():
            assert entry.relative_to(DEPLOY).as_posix() in named, f"{entry} is not in the guide"


def test_compose_is_whole():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert {"database", "scheduler", "computing", "web", "worker"} == set(services)
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
    build = services["web"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve().is_file()
    # Only the site is reachable, and only from the machine itself.
    assert [name for name, one in services.items() if "ports" in one] == ["web"]
    assert services["web"]["ports"][0].startswith("127.0.0.1:")


def test_options_of_dask_exist():
    from distributed.cli import dask_scheduler, dask_worker

    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, module in (("scheduler", dask_scheduler), ("computing", dask_worker)):
        known = {o for p in module.main.params for o in [*p.opts, *p.secondary_opts]}
        given = {word for word in compose["services"][name]["command"] if word.startswith("--")}
        assert given <= known, given - known


def test_units_agree_with_the_other_files():
    web = (DEPLOY / "systemd" / "polarnight-web.service").read_text()
    worker = (DEPLOY / "systemd" / "polarnight-worker.service").read_text()
    assert "/run/polarnight/web.sock" in (DEPLOY / "gunicorn.conf.py").read_text()
    assert "RuntimeDirectory=polarnight" in web
    nginx = (DEPLOY / "nginx" / "polarnight.conf").read_text()
    assert "unix:/run/polarnight/web.sock" in nginx
    datadir = yaml.safe_load((DEPLOY / "polarnight.yaml").read_text())["datadir"]
    for unit in (web, worker):
        assert f"ReadWritePaths={datadir}" in unit
        for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
            assert line in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
@pytest.mark.parametrize("name", ["polarnight-web", "polarnight-worker"])
def test_systemd_takes_the_units(name, tmp_path):
    text = (DEPLOY / "systemd" / f"{name}.service").read_text()
    # Programs that are not installed here are no fault of the unit.
    text = re.sub(r"/opt/polarnight/bin/\w+", shutil.which("true") or "/bin/true", text)
    unit = tmp_path / f"{name}.service"
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    told = [line for line in done.stderr.splitlines() if name in line]
    assert done.returncode == 0, done.stderr
    assert not told


@pytest.mark.skipif(not NGINX, reason="there is no nginx")
def test_nginx_takes_its_files(tmp_path):
    _nginx(tmp_path, tmp_path / "web.sock", 0, check=True)


def _nginx(place, sock, port, *, check=False):
    """Write a configuration from the files of deploy/, with paths of this machine."""
    key, certificate = place / "key.pem", place / "certificate.pem"
    _certificate(key, certificate)
    proxy = place / "proxy.conf"
    shutil.copy(DEPLOY / "nginx" / "polarnight-proxy.conf", proxy)

    def mine(name):
        text = (DEPLOY / "nginx" / name).read_text()
        text = text.replace("/run/polarnight/web.sock", str(sock))
        text = text.replace("/etc/nginx/snippets/polarnight-proxy.conf", str(proxy))
        text = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", str(key), text)
        text = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", str(certificate), text)
        return re.sub(r"listen (\[::\]:)?(80|443)", lambda _: f"listen 127.0.0.1:{_free()}", text)

    sub = mine("polarnight-subpath.conf")
    user = "user root;" if os.geteuid() == 0 else ""  # the socket is in a directory of ours
    main = f"""{user} daemon off; pid {place}/nginx.pid; error_log {place}/error.log;
    events {{}}
    http {{ access_log off; client_body_temp_path {place}/b; proxy_temp_path {place}/p;
    fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
    {mine("polarnight.conf") if check else ""}
    server {{ listen 127.0.0.1:{port or _free()}; server_name localhost;
    {sub} }} }}"""
    (place / "nginx.conf").write_text(main)
    if check:
        done = subprocess.run(
            [NGINX, "-t", "-c", str(place / "nginx.conf")], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr.replace("could not open error log file", ""), done.stderr


def _certificate(key, certificate):
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    made = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(made.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(1))
        .sign(made, hashes.SHA256())
    )  # fmt: skip
    key.write_bytes(
        made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def _free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.skipif(not NGINX, reason="there is no nginx")
@pytest.mark.slow
def test_the_site_below_a_path(small_site, tmp_path):
    """gunicorn with our configuration on a socket, nginx with ours before it, under /iop4/."""
    import http.client

    root = tmp_path / "data"
    shutil.copytree(small_site.root, root)
    sock, port = tmp_path / "web.sock", _free()
    env = {
        **os.environ,
        "POLARNIGHT_CONFIG": os.devnull,
        "POLARNIGHT_DATADIR": str(root),
        "POLARNIGHT_WEB__TRUSTED_PROXIES": "1",
        "POLARNIGHT_WEB__WORKERS": "1",
        "GUNICORN_BIND": f"unix:{sock}",
    }
    env.pop("DJANGO_SETTINGS_MODULE", None)
    _nginx(tmp_path, sock, port)
    log = (tmp_path / "log").open("w")
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(DEPLOY / "gunicorn.conf.py")]
    processes = [
        subprocess.Popen([*gunicorn, "polarnight.web.wsgi:application"], env=env, stderr=log),
        subprocess.Popen([NGINX, "-c", str(tmp_path / "nginx.conf")], stderr=log),
    ]

    def get(path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Host": "localhost"})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")

    try:
        until = time.monotonic() + 25
        status = 0
        while status != 200 and time.monotonic() < until:
            with contextlib.suppress(OSError):
                status, headers, text = get("/iop4/login/")
            if status != 200:
                time.sleep(0.2)
        assert status == 200, (tmp_path / "log").read_text()
        assert 'name="root" content="/iop4"' in text
        links = re.findall(r'(?:href|src|action)="([^"#]*)"', text)
        assert links
        assert all(link.startswith("/iop4/") or link == "" for link in links), links
        style = next(link for link in links if link.endswith("polarnight.css"))
        assert get(style)[0] == 200
        status, headers, _ = get("/iop4/")
        assert (status, headers["Location"]) == (302, "/iop4/login/?next=/iop4/")
        status, headers, text = get("/iop4/api/v1/me")
        assert status == 401
        assert headers["Content-Type"] == "application/problem+json"
        assert get("/iop4/api/v1/nothing")[1]["Content-Type"] == "application/problem+json"
        assert get("/iop4")[1]["Location"].endswith("/iop4/")
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)
        log.close()
