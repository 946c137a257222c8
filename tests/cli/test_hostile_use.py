"""Arguments, settings and places that were chosen to harm: one line, a status, no harm."""

import os
import subprocess
import sys

import pytest

from polarnight.cli.app import run_app

MARKUP = "[/red] [bold]x"


def test_markup_in_tables_is_text(archive, tmp_path, night):
    path = tmp_path / "a.csv"
    path.write_text(
        "name,other_names,ra_hms,dec_dms,srctype\n"
        f"{MARKUP},[/],1:2:3,1:2:3,[/]\n=cmd|calc,../..,1:2:4,1:2:3,x\n"
    )
    assert archive.run("sources", "import", path) == 0
    assert archive.run("sources", "list") == 0
    assert MARKUP in archive.out
    assert archive.run("-o", f"log_format={MARKUP} %(message)s", "config") == 0
    assert MARKUP in archive.out


@pytest.mark.parametrize(
    "option",
    [
        "log_format=%", "log_format=%(nope)s", "photometry.annulus_sigma=[9, 5]",
        "database_url=postgresql://[::1/x", "database_url=foo", "workers=-1", "=1", ".=1",
        "calibration=[", "photometry=null",
    ],
)  # fmt: skip
def test_options_without_sense(archive, option):
    assert archive.run("-o", option, "status") == 2
    assert archive.err.startswith("polarnight: ")
    assert "Traceback" not in archive.err
    assert archive.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "../../etc"), ("status", "T220/２０２５-09-13"),
        ("run", "'; DROP TABLE x/240101"),
        ("why", "T220/2025-09-13/../../../etc/passwd"), ("ingest", ""), ("ingest", "/dev/zero"),
        ("results", "--night", "0001-01-01"), ("results", "--source", "' OR 1=1 --"),
        ("simulate", "CAFOS2.2", "--night", "0001-01-01"), ("run", "--all-locally"),
    ],
)  # fmt: skip
def test_arguments_without_sense(archive, arguments):
    assert archive.run(*arguments) == 2
    assert "Traceback" not in archive.err
    assert not (archive.root / "raw").exists()


def test_results_never_replace_what_is_no_file(reduced, tmp_path):
    device = tmp_path / "pipe"
    os.mkfifo(device)
    assert reduced.run("results", "--format", "csv", "--output", device) == 2
    assert "no file that could be replaced" in reduced.err
    assert device.is_fifo()
    assert reduced.run("results", "--output", tmp_path / "no" / "\0") == 2
    assert reduced.run("results", "--output", tmp_path) == 2


def test_settings_of_another_django_project(archive):
    done = archive.in_process("status", env={"DJANGO_SETTINGS_MODULE": "shop.settings"})
    assert done.returncode == 0, done.stderr
    code = "import polarnight; polarnight.Config(config_db=True)"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "ConfigError: Django cannot be set up with DJANGO_SETTINGS_MODULE=shop" in done.stderr


def test_a_fault_is_one_line_and_its_traceback_is_in_the_log(archive, monkeypatch):
    def fail(*_):
        message = "what nobody\nforesaw"
        raise ZeroDivisionError(message)

    monkeypatch.setattr("polarnight.cli.tables.epoch_status", fail)
    assert archive.run("status") == 2
    assert archive.err.startswith("polarnight: ZeroDivisionError: what nobody foresaw; this is a")
    assert archive.err.count("\n") == 1
    assert "Traceback" in (archive.root / "logs" / "polarnight.log").read_text()


def test_a_machine_that_refuses_is_no_fault_of_ours(archive, monkeypatch, capsys):
    def fail(*_):
        raise PermissionError(13, "Permission denied", "/there")

    monkeypatch.setattr("polarnight.cli.tables.epoch_status", fail)
    assert archive.run("status") == 2
    assert archive.err == "polarnight: [Errno 13] Permission denied: '/there'\n"


def test_help_needs_no_settings(monkeypatch):
    monkeypatch.setenv("POLARNIGHT_CONFIG", "/nonexistent")
    assert run_app(["--help"]) == 0


@pytest.mark.parametrize("how", ["garbage", "cut", "flipped", "directory"])
def test_a_database_that_is_none(archive, how):
    assert archive.in_process("status").returncode == 0
    path = archive.root / "iop4.db"
    for beside in archive.root.glob("iop4.db-*"):
        beside.unlink()
    content = bytearray(path.read_bytes())
    flipped = bytearray(byte ^ 0xFF for byte in content[4096:])
    path.unlink()
    if how == "directory":
        path.mkdir()
    else:
        kinds = {
            "garbage": b"x" * 9000,
            "cut": content[:60000],
            "flipped": content[:4096] + flipped,
        }
        path.write_bytes(kinds[how])
    for command in ("status", "results", "doctor"):
        done = archive.in_process(command)
        assert done.returncode == 2
        assert done.stderr.startswith(f"polarnight: the database {path} does not answer: ")
        assert "must be able to write" in done.stderr or "it is damaged" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("size=2024-13-45", "cannot be read"),
        ("size=" + "9" * 5000, "cannot be read"),
        ("size=!!python/object/apply:os.system [id]", "cannot be read"),
        ("scenario=grid", "--scenario"),
        ("seed=3", "--seed"),
        ("size=1e9", "makes no sense"),
    ],
)
def test_options_of_simulations_without_sense(tmp_path, capsys, option, told):
    out = tmp_path / "out"
    command = ["simulate", "AndorT90", "--night", "2022-09-18", "--output", str(out)]
    assert run_app(["-d", str(tmp_path), *command, "--set", option]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "fault of Polarnight" not in error
    assert not out.exists()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["quality", "--from", "2024-01-02", "--to", "2024-01-01"], "exchange --from and --to"),
        (["quality", "--plot", "a.foo"], "choose a file that ends in .png"),
        (["lightcurve", "x", "--from", "2024-01-02", "--to", "2024-01-01"], "exchange --from"),
        (["lightcurve", "x", "--plot", "a.foo"], "choose a file that ends in .png"),
        (["lightcurve", "x", "--kind", "ensemble", "--from", "2024-01-02"], "leave out --from"),
        (["lightcurve", "x", "--kind", "ensemble", "--bin", "night"], "leave out --bin"),
        (["growth", "T090/2022-09-18/a.fit", "--plot", "a.foo"], "choose a file that ends in"),
    ],
)
def test_figures_that_cannot_be(archive, command, told):
    assert archive.run(*command) == 2
    assert told in " ".join(archive.err.split())
