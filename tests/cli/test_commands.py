"""Commands as users give them: what they say, how they end, and how little they load."""

import re
import subprocess
import sys

import pytest

NIGHT = "OSN-T090/2022-09-18"

LOADED = """
import sys
from polarnight.cli.app import run_app
try:
    status = run_app(sys.argv[1:])
except SystemExit as end:
    status = end.code
print(",".join(sorted(m.partition(".")[0] for m in sys.modules)), file=sys.stderr)
raise SystemExit(status)
"""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], "Exit status: 0 all well, 1 some frames failed, 2 wrong use"),
        (["run", "--help"], "--dry-run"),
        (["ingest", "--help"], "--link"),
        (["--version"], "polarnight "),
    ],
)
def test_help_is_quick_because_it_loads_little(arguments, words):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert words in done.stdout
    heavy = {"numpy", "astropy", "django", "scipy", "matplotlib", "distributed"}
    assert heavy.isdisjoint(done.stderr.strip().split(","))


@pytest.mark.parametrize("arguments", [["status"], ["status", NIGHT]])
def test_status_loads_no_more_than_the_database(reduced_night, arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "-d", str(reduced_night.root), *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "2022-09-18" in done.stdout
    heavy = {"astropy", "scipy", "matplotlib", "distributed", "sep", "pyarrow"}
    assert heavy.isdisjoint(done.stderr.strip().split(","))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status"], NIGHT),
        (["why", "T090/220918/BLLac-0001R.fit"], "same night"),
        (["results", "--format", "csv"], "2200+420"),
        (["sources", "list"], "2200+420"),
        (["doctor"], "all migrations applied"),
        (["config"], "datadir"),
        (["run", "T090/220918"], "1 night in"),
    ],
)
def test_in_a_process_of_its_own(reduced_night, arguments, words):
    done = reduced_night.in_process(*arguments)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "name the nights to run"),
        (["run", "--all-local"], "no nights under"),
        (["run", "T090/220101"], "no raw files of OSN-T090/2022-01-01"),
        (["run", "T090-220101"], "is not the name of an epoch"),
        (["run", "Hubble/220101"], "Hubble"),
        (["run", NIGHT, "--only", "everything"], "everything"),
        (["status", NIGHT], "is not registered"),
        (["why", f"{NIGHT}/absent.fit"], "is not registered"),
        (["why", "absent.fit"], "absent.fit"),
        (["ingest", "absent.fit"], "no such file"),
        (["sources", "import", "absent.yaml"], "absent.yaml"),
        (["stars", "import", "absent.csv"], "absent.csv"),
        (["results"], "no results yet"),
        (["simulate", "WFC3", "--night", "2022-09-18"], "WFC3"),
        (["simulate", "AndorT90", "--night", "18.9.2022"], "YYYY-MM-DD"),
        (["paint"], "paint"),
        (["-o", "workers=many", "status"], "workers"),
        (["-o", "wrokers=2", "status"], "workers"),  # did you mean
        (["-o", "scheduler=cloud", "run", "--all-local"], "cloud"),
        (["--config-file", "absent.yaml", "status"], "absent.yaml"),
    ],
)
def test_wrong_use_ends_with_2_and_one_clear_line(archive, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    if "cloud" in words:
        archive.raw_dir = archive.root / "raw" / NIGHT
        archive.raw_dir.mkdir(parents=True)
        (archive.raw_dir / "a.fit").write_bytes(b"")
    assert archive.run(*arguments) == 2
    assert words in archive.err
    assert "Traceback" not in archive.err
    assert len(archive.err.splitlines()) <= 8  # the frame that typer draws, at most


def test_nothing_registered_is_no_error(archive):
    assert archive.run("status") == 0
    assert "begin with `polarnight ingest`" in archive.out
    assert archive.run("sources", "list") == 0
    assert "sources import" in archive.out


def test_status(reduced):
    assert reduced.run("status") == 0
    header, line = reduced.out.splitlines()
    assert dict(zip(header.split(), line.split(), strict=True)) == {
        "night": NIGHT, "raw": "24", "bias": "3", "dark": "0", "flat": "15", "light": "6",
        "reduced": "6", "solved": "6", "results": "27", "failed": "0",
    }  # fmt: skip
    assert reduced.run("status", "T090/20220918") == 0
    assert reduced.out.splitlines()[0] == NIGHT
    lines = [line for line in reduced.out.splitlines() if line.startswith("BLLac")]
    assert len(lines) == 6
    assert all("bias:0 flat:0" in line and "stars" in line for line in lines)


def test_why_tells_the_masters_and_the_evidence(reduced):
    assert reduced.run("why", f"{NIGHT}/BLLac-0001R45.fit") == 0
    for words in ("same night", "stars matched", "seeing", "9 sources measured", "current"):
        assert words in reduced.out
    assert reduced.run("why", f"{NIGHT}/Flat-0001R45.fit") == 0
    assert "R/POLARIMETRY/45 (3 frames)" in reduced.out
    assert "current" in reduced.out
    flat = "masterflat_AndorT90_400x400_2x2_1-MHz_R_POLARIMETRY_45.fits"
    assert reduced.run("why", f"{NIGHT}/{flat}") == 0
    assert f"raw        {NIGHT}/Flat-0001R45.fit" in reduced.out
    assert "masterbias" in reduced.out
    reduced.raw("BLLac-0002R.fit").touch()
    assert reduced.run("why", f"{NIGHT}/BLLac-0002R.fit") == 0
    assert "STALE" in reduced.out


def test_config_tells_where_each_value_comes_from(archive, monkeypatch, tmp_path):
    path = tmp_path / "night.yaml"
    path.write_text("polarimetry:\n  debias: none\nphotometry:\n  limit_sigma: 4\n")
    monkeypatch.setenv("POLARNIGHT_PHOTOMETRY__LIMIT_SIGMA", "5")
    monkeypatch.setenv("POLARNIGHT_CALIBRATION__NSIGMA", "6")
    monkeypatch.setenv("POLARNIGHT_DATABASE_URL", "postgresql://ana:secret@db/night")
    assert archive.run("--config-file", path, "-o", "calibration.nsigma=7", "config") == 0
    told = {line.split()[0]: line for line in archive.out.splitlines()}
    assert "none" in told["polarimetry.debias"]
    assert str(path) in told["polarimetry.debias"]
    assert told["photometry.limit_sigma"].split()[1] == "5.0"
    assert "POLARNIGHT_PHOTOMETRY__LIMIT_SIGMA" in told["photometry.limit_sigma"]
    assert told["calibration.nsigma"].split()[1] == "7.0"
    assert "default" in told["calibration.near_days"]
    assert "secret" not in archive.out


def test_a_setting_acts_alike_from_every_place(reduced, monkeypatch, tmp_path):
    path = tmp_path / "night.yaml"
    path.write_text("polarimetry:\n  debias: none\n")
    plans = [reduced.pending(), reduced.pending()]
    assert "0 products are not current" in plans[0]
    reduced.run("--config-file", path, "run", NIGHT, "--dry-run")
    plans = [reduced.out]
    reduced.run("-o", "polarimetry.debias=none", "run", NIGHT, "--dry-run")
    plans.append(reduced.out)
    monkeypatch.setenv("POLARNIGHT_POLARIMETRY__DEBIAS", "none")
    reduced.run("run", NIGHT, "--dry-run")
    plans.append(reduced.out)
    # Alike but for the place that the plan names; photometry does not ask for it.
    places = ("night.yaml", "command line", "environment variable POLARNIGHT_POLARIMETRY__DEBIAS")
    told = "parameter polarization.debias changed mas -> none"
    for plan, place in zip(plans, places, strict=True):
        assert f"{told} ({place}, polarimetry.debias)" in plan
        assert "1 products are not current" in plan
    path.write_text("run:\n  dry_run: true\n  force: true\n")
    reduced.run("--config-file", path, "run", NIGHT)
    assert "15 products are not current" in reduced.out


@pytest.mark.parametrize("place", ["file", "environment", "option"])
def test_a_setting_that_does_not_exist_is_named_with_its_place(
    archive, monkeypatch, tmp_path, place
):
    options = []
    if place == "file":
        (tmp_path / "night.yaml").write_text("calibration:\n  nsgima: 3\n")
        options = ["--config-file", tmp_path / "night.yaml"]
    elif place == "environment":
        monkeypatch.setenv("POLARNIGHT_CALIBRATION__NSGIMA", "3")
    else:
        options = ["-o", "calibration.nsgima=3"]
    assert archive.run(*options, "status") == 2
    assert "nsgima" in archive.err.lower()
    named = {"file": "night.yaml", "environment": "POLARNIGHT_CALIBRATION__NSGIMA", "option": "-o"}
    assert named[place] in archive.err or "command line" in archive.err


def test_doctor_of_an_empty_installation(archive):
    assert archive.run("doctor") == 0
    assert "none: frames cannot be solved" in archive.out
    assert "computed in threads; 0 kept, 0 MB" in archive.out


def test_doctor_counts_the_cubes_that_are_kept(archive):
    import numpy as np

    from polarnight.cubes import Cube
    from polarnight.cubes.store.store import CubeStore

    noise = np.random.default_rng(1).normal(size=(1024, 1024))  # 8 MB that cannot be packed
    Cube.from_array(noise).persist(CubeStore(archive.root / "cubes"))
    assert archive.run("-o", "cubes.scheduler=tcp://there:8786", "doctor") == 0
    assert re.search(r"computed on tcp://there:8786; 1 kept, \d MB", archive.out)


def test_doctor_of_a_complete_installation(reduced):
    assert reduced.run("doctor") == 0
    for words in ("compiled", "AndorT90", "1 night", "all migrations applied", "9 in the"):
        assert words in reduced.out


def test_doctor_on_a_database_of_a_newer_version(archive):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('polarnight', '9999_of_the_future', '2030-01-01')"
        )
    connection.close()
    assert archive.run("doctor") == 2
    assert "newer version" in archive.err


def test_simulate(archive, tmp_path):
    small = ("size=128", "photometry=[R]", "n_photometry=1", "n_cycles=0", "n_bias=1", "n_flats=1")
    command = ("simulate", "AndorT90", "--night", "2022-09-18", "--seed", "4")
    command += (*(word for option in small for word in ("--set", option)), "--output")
    assert archive.run(*command, tmp_path / "a") == 0
    assert "next: polarnight stars import" in archive.out
    assert archive.run(*command, tmp_path / "b") == 0
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 6
    for name in files:
        if (tmp_path / "a" / name).is_file():
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert archive.run(*command, tmp_path / "a") == 2
    assert "not empty" in archive.err


def test_the_demonstration_names_the_program_as_it_can_be_called(monkeypatch, tmp_path):
    from polarnight.cli.demo import _as_called

    script = tmp_path / "bin" / "polarnight"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(script), "demo"])
    monkeypatch.setenv("PATH", str(script.parent))
    assert _as_called() == "polarnight"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _as_called() == str(script)
    monkeypatch.setattr("sys.argv", ["/usr/bin/pytest"])
    assert _as_called() == "polarnight"
