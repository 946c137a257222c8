"""Real CAFOS frames of NGC 2420: solved from a header that is 0.3 degrees wrong."""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from polarnight.astrometry import LocalCatalogue, detect, import_stars, solve
from polarnight.astrometry.geometry import precess_to_j2000, separation
from polarnight.errors import AlgorithmFailed
from polarnight.frames import Bit

_DEFAULT = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("POLARNIGHT_REAL_DATA", _DEFAULT)) / "cafos-ngc2420"
CENTRE = (114.602, 21.573)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"real CAFOS frames are absent ({DATA})"),
]


def _raw(number):
    return fits.getdata(DATA / f"uamA_{number:04d}.fits").astype(np.float32)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    directory = tmp_path_factory.mktemp("stars")
    bands = "ugriz"
    n = import_stars(
        DATA / "catalogue-ugriz.csv",
        directory,
        mags={b: b for b in bands},
        errors={b: f"{b}Error" for b in bands},
    )
    assert n == 3071
    return LocalCatalogue(directory)


@pytest.fixture(scope="module")
def masters():
    bias = (_raw(1) + _raw(2)) / 2
    flat = _raw(43) - bias
    return bias, flat / np.median(flat)


@pytest.fixture(scope="module")
def sources(masters):
    """Detections by frame number, after a plain reduction."""
    bias, flat = masters
    found = {}
    for number in range(23, 29):
        raw = _raw(number)
        bits = np.zeros(raw.shape, np.uint16)
        bits[:2], bits[:, :2], bits[-2:], bits[:, -2:] = (Bit.NO_DATA,) * 4
        bits[flat < 0.2] = Bit.NO_DATA
        bits[raw > 60000] = Bit.SATURATED
        with np.errstate(divide="ignore", invalid="ignore"):
            data = (raw - bias) / flat
            variance = ((7.4 / 1.43) ** 2 + np.maximum(raw - bias, 0) / 1.43) / flat**2
        found[number] = detect(data, variance, bits, pixel_scale=0.53)
    return found


def _pointing(number):
    header = fits.getheader(DATA / f"uamA_{number:04d}.fits")
    return header["RA"], header["DEC"], header["MJD-OBS"] + 2400000.5


def _solve(sources, catalogue, number, pointings=None, **options):
    ra, dec, jd = _pointing(number)
    return solve(
        sources[number],
        catalogue,
        shape=(1024, 1024),
        pixel_scale=0.53,
        pointings=pointings or [(ra, dec, "header, J2000")],
        jd=jd,
        **options,
    )


@pytest.mark.parametrize("number", [26, 27, 28])
def test_long_frames(sources, catalogue, number):
    solution = _solve(sources, catalogue, number)
    assert solution.evidence["offset_deg"] == pytest.approx(0.296, abs=0.003)
    assert solution.evidence["rms_arcsec"] < 0.25
    assert solution.evidence["log10_chance"] < -100
    assert solution.evidence["pixel_scale"] == pytest.approx(0.5272, abs=0.001)
    assert solution.evidence["rotation_deg"] == pytest.approx(89.02, abs=0.1)
    assert separation(*CENTRE, solution.plate.ra0, solution.plate.dec0) < 0.005
    found = sources[number]
    clean = found.select(found.clean & (found.snr > 10))
    assert len(clean) > 180
    matched, _ = solution.match(clean, 1.5)
    assert len(matched) / len(clean) > 0.9


@pytest.mark.parametrize("number", [23, 24, 25])
def test_short_frames(sources, catalogue, number):
    solution = _solve(sources, catalogue, number)
    assert solution.evidence["rms_arcsec"] < 0.25
    assert separation(*CENTRE, solution.plate.ra0, solution.plate.dec0) < 0.005
    found = sources[number]
    clean = found.select(found.clean & (found.snr > 10))
    matched, _ = solution.match(clean, 1.5)
    assert len(matched) / len(clean) > 0.9


def test_equinox_of_date_is_the_true_reading(sources, catalogue):
    ra, dec, jd = _pointing(26)
    readings = [(ra, dec, "J2000"), (*precess_to_j2000(ra, dec, jd), "date")]
    solution = _solve(sources, catalogue, 26, readings)
    assert solution.evidence["pointing"] == "date"
    assert solution.evidence["offset_deg"] < 0.01
    assert solution.evidence["tiles"] <= 2


def test_long_frames_agree_with_each_other(sources, catalogue):
    """Three solutions differ by the telescope's drift alone: 0.3 px at the corners."""
    edge = np.linspace(0, 1023, 5)
    grid = np.column_stack([g.ravel() for g in np.meshgrid(edge, edge)])
    solutions: list[WCS] = [_solve(sources, catalogue, n).wcs for n in (26, 27, 28)]
    sky = solutions[0].all_pix2world(grid, 0)
    for other in solutions[1:]:
        shift = other.all_world2pix(sky, 0) - grid
        shift -= np.median(shift, axis=0)
        assert np.hypot(*shift.T).max() < 0.35


def test_wrong_place_is_refused(sources, catalogue):
    with pytest.raises(AlgorithmFailed, match="too few stars"):
        _solve(sources, catalogue, 26, [(200.0, 40.0, "wrong")])
    # A frame turned inside out is no view of this field, mirrored or not.
    found = sources[26]
    rng = np.random.default_rng(1)
    strange = {26: type(found).from_positions(found.x, rng.permutation(found.y), found.flux)}
    with pytest.raises(AlgorithmFailed, match="chance could not explain"):
        _solve(strange, catalogue, 26, radius_deg=0.35)
