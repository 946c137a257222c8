"""A published set of dual-beam differences: 192 positions of a half-wave plate (DIPOL)."""

import os
from pathlib import Path

import numpy as np
import pytest

from polarnight.polarimetry import Polarization, fit_half_wave_plate

DATA = Path(
    os.environ.get("POLARNIGHT_REAL_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
TABLE = DATA / "polarimetry-tables" / "dipol-differences-1.csv"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not TABLE.is_file(), reason=f"no table of real measurements at {TABLE}"),
]


@pytest.mark.parametrize("assumed", [0.001, 0.005])
def test_published_polarization_is_within_the_errors(assumed):
    """P = 0.596 %, angle 31.6 deg; errors come from the scatter, whatever is assumed."""
    difference = np.genfromtxt(TABLE, delimiter=",", skip_header=1)[:, 2]
    plate = 22.5 * np.arange(len(difference))
    extraordinary = np.ones(len(difference))
    ordinary = 10.0 ** (-0.4 * difference)
    found = fit_half_wave_plate(
        plate,
        ordinary,
        assumed * ordinary,
        extraordinary,
        assumed * extraordinary,
        beam_gain=True,
        clip=None,
    )
    pol = Polarization.from_stokes(found)
    assert found.n_used == 192
    assert found.scale > 2
    assert abs(pol.p - 0.00596) < 2 * pol.p_err
    assert pol.p_err < 0.0015
    off = (pol.chi - 31.6 + 90) % 180 - 90
    assert abs(off) < 2 * pol.chi_err
    assert pol.chi_err < 7
