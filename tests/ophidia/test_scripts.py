from __future__ import annotations

import sys
import time

import pytest


@pytest.fixture
def programs(client, tmp_path):
    """A client whose settings name a few programs."""
    import json

    shared = tmp_path / "programs"
    shared.mkdir()

    def make(name, body):
        path = shared / name
        path.write_text(f"#!{sys.executable}\n{body}\n")
        path.chmod(0o755)
        return str(path)

    told = "[sys.argv[1:], dict(os.environ), os.getcwd()]"
    named = {
        "say": make(
            "say",
            f"import sys, os, json\nprint(json.dumps({told}))\nprint('oops', file=sys.stderr)",
        ),
        "fail": make("fail", "import sys\nprint('no flat', file=sys.stderr)\nsys.exit(3)"),
        "sleep": make(
            "sleep", "import subprocess, time\nsubprocess.Popen(['sleep', '60'])\ntime.sleep(60)"
        ),
        "copy": make("copy", "import sys, shutil\nshutil.copy(sys.argv[-2], sys.argv[-1])"),
        "much": make("much", "print('x' * 3_000_000)"),
        "gone": str(shared / "gone"),
    }
    from polarnight.config import get_settings

    settings = get_settings()
    cubes = settings.cubes.model_validate({**settings.cubes.model_dump(), "scripts": named,
                                           "script_timeout": 60.0})  # fmt: skip
    client.server.settings = settings.model_copy(update={"cubes": cubes})
    client.said = lambda text: json.loads(client.ok(text).get("script").message)
    return client


def test_nothing_runs_unless_the_settings_name_it(client):
    for command in ("script=ls", "script=/bin/ls", "script=../x"):
        said = client.error(f"oph_script {command}", 8)
        assert "no program may run" in said
        assert "cubes.scripts" in said
    assert "cubes.scripts" in client.error("oph_generic command=rm;args=-rf|/", 8)
    assert client.rows("oph_script list=yes") == []
    assert client.ok("oph_script").get("script_returncode").message == "0"


def test_a_registered_program_runs_with_its_environment(programs):
    arguments, environment, directory = programs.said("oph_script script=say;args=a b|$HOME|`ls`")
    assert arguments == ["a", "b", "$HOME", "`ls`"]
    own = {key for key in environment if key.startswith("OPH_SCRIPT_")}
    assert own == {f"OPH_SCRIPT_{name}" for name in (
        "DATA_PATH", "SESSION_PATH", "SESSION_URL", "SESSION_CODE", "WORKFLOW_ID", "MARKER_ID",
        "SERVER_HOST", "SERVER_PORT", "USER")}  # fmt: skip
    assert environment["OPH_SCRIPT_USER"] == "ada"
    assert environment["OPH_SCRIPT_SESSION_CODE"] in directory
    assert not any("DJANGO" in key or "POLARNIGHT" in key for key in environment)
    assert programs.said("oph_script script=say;args=a b;space=yes")[0] == ["a b"]
    assert programs.ok("oph_script script=say").get("script_messages").message == "oops\n"


def test_output_goes_to_files_of_the_session(programs):
    programs.ok("oph_script script=say;stdout=out.txt;stderr=err.txt")
    response = programs.ok("oph_script script=say;stdout=out.txt;stderr=err.txt")
    from pathlib import Path

    directory = Path(response.get("script_url").message)
    assert (directory / "err.txt").read_text() == "oops\noops\n"
    assert response.get("script").message == ""
    assert "is no name of a file" in programs.error("oph_script script=say;stdout=../x", 8)


def test_programs_that_fail_or_take_too_long(programs):
    said = programs.error("oph_script script=fail", 9)
    assert "ended with code 3" in said
    assert "no flat" in said
    cubes = programs.server.settings.cubes.model_copy(update={"script_timeout": 1.0})
    limited = programs.server.settings.model_copy(update={"cubes": cubes})
    programs.server.settings, usual = limited, programs.server.settings
    start = time.monotonic()
    assert "longer than 1 seconds" in programs.error("oph_script script=sleep", 9)
    # The program and what it started would take a minute.
    assert time.monotonic() - start < 30
    programs.server.settings = usual
    assert "cannot be started" in programs.error("oph_script script=gone", 8)
    assert len(programs.ok("oph_script script=much").get("script").message) == 1_000_000


def test_generic_programs_read_and_write_files_of_the_repository(programs):
    programs.root.mkdir(parents=True, exist_ok=True)
    (programs.root / "a.txt").write_text("pixels")
    programs.ok("oph_generic command=copy;input=/a.txt;output_name=b.txt")
    assert (programs.root / "b.txt").read_text() == "pixels"
    assert "force=yes" in programs.error(
        "oph_generic command=copy;input=/a.txt;output_name=b.txt", 8
    )
    programs.ok("oph_generic command=copy;input=/a.txt;output=/b.txt;force=yes")
    for path in ("../../etc/passwd", "/etc/passwd"):
        programs.error(f"oph_generic command=copy;input={path};output_name=c.txt")
        programs.error(f"oph_generic command=copy;input=/a.txt;output={path};force=yes")
