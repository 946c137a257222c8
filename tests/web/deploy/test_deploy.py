"""What the files of deploy/ name is there: commands, options, settings, paths."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


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
    assert settings.web.allowed_hosts == ("localhost", "127.0.0.1")
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
