"""`polarnight instruments`: what is known, and what a declaration makes of frames."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

from polarnight.cli.app import run_app
from polarnight.config import get_settings, use_settings

DECLARED = """
telescope: {name: HOME-C11, longitude: -3.7, latitude: 40.4, height: 650}
name: HOME-CCD
recognise: {INSTRUME: Home}
size: [100, 80]
pixel_scale: 0.28
gain: 1.2
read_noise: 3.5
polarimeter: half-wave plate
pair: {dx: -40, dy: 0, sx: 2, sy: 2}
keywords: {angle: HWP}
"""


@pytest.fixture
def home(tmp_path):
    """Return a data directory with a place for declarations, and restore the settings."""
    (tmp_path / "instruments").mkdir()
    before = get_settings()
    yield tmp_path
    use_settings(before)


def frame(path, **changes):
    header = fits.Header()
    values = {
        "INSTRUME": "Home", "IMAGETYP": "Light", "EXPTIME": 60.0, "FILTER": "V", "HWP": 22.5,
        "DATE-OBS": "2025-03-01T22:30:00", "OBJECT": "BL Lac", "XORGSUBF": 8, "YORGSUBF": 4,
    }  # fmt: skip
    header.update({**values, **changes})
    fits.writeto(path, np.zeros((20, 30), np.uint16), header)
    return str(path)


def run(home, capfd, *arguments):
    status = run_app(["-d", str(home), "instruments", *arguments])
    out, err = capfd.readouterr()
    return status, out, err


def test_the_list_says_where_each_is_declared(home, capfd):
    (home / "instruments" / "home.yaml").write_text(DECLARED)
    status, out, _ = run(home, capfd)
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert status == 0
    assert "OSN-T090" in lines["DIPOL"]
    assert "half-wave plate, two beams, 16 angles" in lines["DIPOL"]
    assert "package polarnight" in lines["DIPOL"]
    assert str(home / "instruments" / "home.yaml") in lines["HOME-CCD"]


def test_the_list_names_what_was_left_out(home, capfd):
    (home / "instruments" / "home.yaml").write_text(DECLARED.replace("gain", "gian"))
    status, out, err = run(home, capfd)
    assert status == 1
    assert "HOME-CCD" not in out
    assert err.count("gian: no such key; did you mean gain?") == 1


def test_a_declaration_and_what_it_makes_of_frames(home, capfd):
    file = home / "new.yaml"
    file.write_text(DECLARED)
    good, bad = frame(home / "a.fits"), frame(home / "b.fits", IMAGETYP="Snap")
    other = frame(home / "c.fits", INSTRUME="Other")
    status, out, err = run(home, capfd, "check", str(file), good, bad, other)
    assert status == 1
    assert "telescope HOME-C11 (HOME-C11): longitude -3.7, latitude 40.4, 650 m" in out
    assert "half-wave plate, two beams, 4 angles" in out
    assert "a.fits  HOME-CCD" in out
    assert "LIGHT V at 22.5 deg pairs" in out
    assert "30 x 20, from 8,4" in out
    assert "b.fits: IMAGETYP" in err
    assert "c.fits: not of this observatory: TELESCOP = None, INSTRUME = 'Other'" in err
    # Nothing of it stays: the file is in no place where declarations are looked for.
    assert "HOME-CCD" not in run(home, capfd)[1]


def test_a_good_declaration_ends_well(home, capfd):
    file = home / "instruments" / "home.yaml"
    file.write_text(DECLARED)
    assert run(home, capfd, "check", str(file), frame(home / "a.fits"))[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("gain:", "gian:", "home.yaml: gian: no such key; did you mean gain?"),
        ("read_noise: 3.5", "", "home.yaml: read_noise: add it"),
        ("HOME-CCD", "CAFOS2.2", "'CAFOS2.2' of instruments is declared already by a package"),
    ],
)
def test_a_wrong_declaration_is_told(home, capfd, old, new, words):
    file = home / "home.yaml"
    file.write_text(DECLARED.replace(old, new))
    status, _, err = run(home, capfd, "check", str(file))
    assert status == 2
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_declaration_that_is_not_there(home, capfd):
    status, _, err = run(home, capfd, "check", str(home / "no.yaml"))
    assert status == 2
    assert "no.yaml cannot be read: No such file" in err


def test_doctor_tells_of_wrong_declarations(home):
    (home / "instruments" / "home.yaml").write_text(DECLARED.replace("gain", "gian"))
    # In a process of its own: it looks at the database.
    command = [sys.executable, "-m", "polarnight", "-d", str(home), "doctor"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "gian: no such key" in done.stdout


def test_a_new_version_of_a_declaration_in_use_is_checked(home, capfd, monkeypatch):
    used = home / "instruments" / "home.yaml"
    used.write_text(DECLARED)
    monkeypatch.chdir(used.parent)
    assert run(home, capfd, "check", "home.yaml")[0] == 0
    changed = home / "home.yaml"
    changed.write_text(DECLARED.replace("gain: 1.2", "gain: 1.3"))
    status, out, _ = run(home, capfd, "check", str(changed))
    assert status == 0
    assert "1.3 e-/ADU" in out


def test_a_warning_is_one_line_and_told_once(home):
    (home / "instruments" / "home.yaml").write_text(DECLARED.replace("gain:", "gian:"))
    frame(home / "a.fits")
    told = subprocess.run(
        [sys.executable, "-m", "polarnight", "-d", str(home), "ingest", str(home / "a.fits")],
        check=False, capture_output=True, text=True,
    ).stderr  # fmt: skip
    assert told.count("did you mean gain?") == 1
    assert "polarnight: warning: left out: the instrument file" in told
    assert "UserWarning" not in told
