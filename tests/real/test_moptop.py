"""Real frames of MOPTOP through a package that Polarnight knows nothing of."""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

FRAMES = (
    Path(os.environ.get("POLARNIGHT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    / "moptop-rotation1"
)

pytestmark = pytest.mark.real

Q, U, TOLERANCE = 0.0095, -0.0310, 0.003


@pytest.fixture
def rotation():
    """The 32 frames of one rotation of the plate, by two cameras."""
    frames = sorted(FRAMES.glob("*.fits.fz"))
    if not frames:
        pytest.skip(f"no frames in {FRAMES}")
    assert len(frames) == 32
    return frames


def test_rotation_gives_the_published_zero_of_the_instrument(
    install_plugin, rotation, tmp_path, archive
):
    install_plugin("moptop")
    for arguments in (("ingest", rotation[0].parent), ("run", "--all-local")):
        done = archive.in_process(*arguments)
        assert done.returncode == 0, done.stderr
    out = tmp_path / "maps"
    done = archive.in_process("field-stars", "LT/2023-08-18", "--output", out, "--as-measured")
    assert done.returncode == 0, done.stderr
    table = Table.read(next(out.glob("*.ecsv")))
    picture = next(out.glob("*.png")).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 100_000

    good = np.array([not reason for reason in table["left_out"].filled("")])
    assert good.sum() >= 30
    weight = 1.0 / (np.asarray(table["q_err_random"]) ** 2 + 0.002**2)
    q = np.average(np.asarray(table["q_nocorr"])[good], weights=weight[good])
    u = np.average(np.asarray(table["u_nocorr"])[good], weights=weight[good])
    assert abs(q - Q) < TOLERANCE
    assert abs(u - U) < TOLERANCE
    # The mean that the command prints is the same within its error.
    assert f"{100 * q:+.1f}" in done.stdout
    # The brightest star is saturated, and left out for that.
    brightest = table[int(np.argmax(np.asarray(table["flux"])))]
    assert "SATURATED" in brightest["left_out"]
