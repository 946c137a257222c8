"""Frames in compressed files: their headers mean the same, whatever the pixels are packed as."""

import numpy as np
import pytest
from astropy.io import fits

from polarnight.errors import BadFrame
from polarnight.frames import read_header, read_raw, wcs_from_header
from polarnight.instruments import classify_file
from polarnight.instruments.observatories import OBSERVATORIES

from .test_generic import HEADER, SMALL

SHAPE = (48, 64)


@pytest.fixture
def home():
    """Declare a camera of 16 bits whose coordinates are good, and one of reals."""
    text = SMALL + "trusted_wcs: true\n"
    reals = SMALL.replace("HOME", "REAL").replace("ASI1600MM Pro", "reals") + "bitpix: -32\n"
    OBSERVATORIES.adopt((("home.yaml", text), ("real.yaml", reals)))
    yield
    OBSERVATORIES.adopt(None)


def _header(instrument="ZWO ASI1600MM Pro"):
    header = fits.Header()
    for key, value in {**HEADER, "INSTRUME": instrument}.items():
        if not key.startswith(("NAXIS", "BITPIX")):
            header[key] = value
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 330.68, 42.2778
    header["CRPIX1"], header["CRPIX2"] = 32.0, 24.0
    header["CD1_1"], header["CD2_2"] = -1.5e-4, 1.5e-4
    return header


def _write(path, data, header, **options):
    if path.name.endswith(".fz"):
        packed = fits.CompImageHDU(data, header, compression_type="RICE_1", **options)
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path)
    else:
        fits.writeto(path, data, header)


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz", "a.fits.fz"])
def test_integers(home, tmp_path, name):
    rng = np.random.default_rng(1)
    data = rng.integers(0, 65536, SHAPE).astype(np.uint16)
    _write(tmp_path / name, data, _header())
    info = classify_file(tmp_path / name)
    assert (info.width, info.height, info.filename) == (64, 48, name)
    assert (info.instrument, info.band, info.exptime) == ("HOME-CCD", "V", 60.0)
    raw = read_raw(tmp_path / name)
    assert raw.data.dtype == np.uint16
    np.testing.assert_array_equal(raw.data, data)


@pytest.mark.parametrize("name", ["a.fits", "a.fits.fz"])
def test_reals(home, tmp_path, name):
    rng = np.random.default_rng(2)
    data = rng.normal(1000.0, 10.0, SHAPE).astype(np.float32)
    # Quantized by a sixteenth of the noise.
    options = {"quantize_level": 16.0} if name.endswith(".fz") else {}
    _write(tmp_path / name, data, _header("ZWO reals"), **options)
    assert read_header(tmp_path / name)["BITPIX"] == -32
    assert classify_file(tmp_path / name).instrument == "REAL-CCD"
    raw = read_raw(tmp_path / name)
    assert raw.data.dtype == np.float32
    np.testing.assert_allclose(raw.data, data, atol=10.0 / 16.0)


def test_reals_of_a_camera_that_writes_integers(home, tmp_path):
    _write(tmp_path / "a.fits.fz", np.ones(SHAPE, np.float32), _header())
    with pytest.raises(BadFrame, match=r"a\.fits\.fz: BITPIX = -32"):
        classify_file(tmp_path / "a.fits.fz")


def test_coordinates_that_can_be_trusted(home, tmp_path):
    _write(tmp_path / "a.fits.fz", np.ones(SHAPE, np.uint16), _header())
    wcs = wcs_from_header(read_header(tmp_path / "a.fits.fz"))
    ra, dec = wcs.all_pix2world(31.0, 23.0, 0)
    assert (float(ra), float(dec)) == pytest.approx((330.68, 42.2778), abs=1e-9)
