"""What the first page says of cubes is run as it is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.io import fits

from polarnight.simulation import simulate_night

ROOT = Path(__file__).parents[2]


def test_its_files_are_there():
    linked = re.findall(r"\]\(([\w/.-]+?\.md)(?:#[\w-]+)?\)", (ROOT / "README.md").read_text())
    assert "docs/ophidia.md" in linked
    assert [name for name in linked if not (ROOT / name).is_file()] == []


@pytest.mark.slow
def test_cubes(tmp_path):
    section = (ROOT / "README.md").read_text().partition("\n## Cubes")[2].partition("\n## ")[0]
    (command,) = re.findall(r"```sh\n(.*)\n```", section)
    assert command == "polarnight simulate DOLORES --night 2016-06-06 --scenario galaxy"
    simulate_night(
        "DOLORES", "2016-06-06", 1, tmp_path / "simulated" / "DOLORES", scenario="galaxy", size=200
    )
    (script,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    environment = os.environ | {
        "POLARNIGHT_DATADIR": str(tmp_path / "data"), "POLARNIGHT_CONFIG": os.devnull,
    }  # fmt: skip
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("New cube is ") == 5
    header = fits.getheader(tmp_path / "data" / "raw" / "results" / "image.fits")
    assert (header["FLT_ID"], header["NCOMBINE"], header["NAXIS1"]) == ("R_JOHN_12", 5, 200)
