"""A camera lens of 10 arcsec a pixel behind a Bayer mask: one frame solved with the other's stars.

Two exposures of one field, two minutes apart. One carries a solution by astrometry.net; its
detections under that solution are the catalogue for the other, whose header tells where the
mount thought it pointed, more than a degree off.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from polarnight.astrometry import MemoryCatalogue, Stars, detect, solve
from polarnight.astrometry.geometry import separation
from polarnight.errors import AlgorithmFailed

_DEFAULT = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("POLARNIGHT_REAL_DATA", _DEFAULT)) / "panoptes"
SCALE = 10.3
SHAPE = (700, 700)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"real PANOPTES frames are absent ({DATA})"),
]


def _plain(raw):
    """Even out the colours of the mask: each of its four pixels gets one mean level."""
    data = raw.astype(np.float32)
    levels = [np.median(data[i::2, j::2]) for i in (0, 1) for j in (0, 1)]
    for (i, j), level in zip(((0, 0), (0, 1), (1, 0), (1, 1)), levels, strict=True):
        data[i::2, j::2] *= np.mean(levels) / level
    return data


def _own_wcs(header):
    """The solution alone: a compression twice over left other keys broken."""
    wanted = ("CTYPE", "CRVAL", "CRPIX", "CUNIT", "CD", "A_", "B_", "AP_", "BP_")
    return WCS(fits.Header([card for card in header.cards if card.keyword.startswith(wanted)]))


@pytest.fixture(scope="module")
def sibling():
    with fits.open(DATA / "solved.fits.fz") as hdus:
        data, header = _plain(hdus[1].data), hdus[1].header
        wcs = _own_wcs(header)
    return detect(data, pixel_scale=SCALE, seeing=20.0), wcs


@pytest.fixture(scope="module")
def unsolved():
    data, header = fits.getdata(DATA / "unsolved.fits", header=True)
    return detect(_plain(data), pixel_scale=SCALE, seeing=20.0), header


@pytest.fixture(scope="module")
def catalogue(sibling):
    found, wcs = sibling
    real = found.select(found.snr > 8)
    ra, dec = wcs.all_pix2world(real.x, real.y, 0)
    return MemoryCatalogue(Stars(ra, dec, -2.5 * np.log10(real.flux)))


def test_detection_takes_stars_not_the_mask(sibling, unsolved):
    for found, _ in (sibling, unsolved):
        assert 250 < len(found) < 4000
        assert 1.5 < found.fwhm_median < 4.0


def test_the_sibling_is_solved_as_astrometry_net_solved_it(sibling, catalogue):
    found, wcs = sibling
    assert wcs.wcs.crval == pytest.approx([303.2064, 46.0174], abs=1e-3)
    centre = wcs.all_pix2world(349.5, 349.5, 0)
    solution = solve(
        found,
        catalogue,
        shape=SHAPE,
        pixel_scale=SCALE,
        pointings=[(303.0, 46.2, "near")],
        radius_deg=1.0,
    )
    assert separation(*centre, solution.plate.ra0, solution.plate.dec0) * 3600 < 0.3 * SCALE
    assert solution.evidence["rms_px"] < 0.3


def test_the_unsolved_frame_is_solved_with_the_stars_of_its_sibling(unsolved, catalogue, sibling):
    found, header = unsolved
    solution = solve(
        found,
        catalogue,
        shape=SHAPE,
        pixel_scale=SCALE,
        pointings=[(header["RA-MNT"], header["DEC-MNT"], "mount")],
        radius_deg=2.5,
    )
    evidence = solution.evidence
    assert evidence["log10_chance"] < -50
    assert evidence["rms_px"] < 0.5
    assert evidence["offset_deg"] > 1.0  # what the mount is off by
    # The mount tracked: the two frames agree to a fraction of the field.
    _, wcs = sibling
    ra, dec = wcs.all_pix2world(349.5, 349.5, 0)
    assert separation(ra, dec, solution.plate.ra0, solution.plate.dec0) < 0.1
    assert evidence["pixel_scale"] == pytest.approx(
        np.sqrt(np.abs(np.linalg.det(wcs.wcs.cd))) * 3600, rel=5e-3
    )
    matched, _ = solution.match(found.select(found.snr > 20), SCALE)
    assert len(matched) > 0.6 * np.count_nonzero(found.snr > 20)


def test_the_wrong_field_is_refused(unsolved, catalogue):
    found, _ = unsolved
    rng = np.random.default_rng(1)
    strange = type(found).from_positions(found.x, rng.permutation(found.y), found.flux)
    with pytest.raises(AlgorithmFailed, match="chance could not explain"):
        solve(
            strange,
            catalogue,
            shape=SHAPE,
            pixel_scale=SCALE,
            pointings=[(303.0, 46.0, "near")],
            radius_deg=2.5,
        )
