"""AndorT90: what its headers mean, and which are refused with which words."""

import numpy as np
import pytest

from polarnight.errors import BadFrame
from polarnight.frames import FrameInfo, ImageType, ObsMode
from polarnight.instruments import identify

from .headers import ANDOR, change


def test_a_science_frame(andor):
    info = andor.classify(ANDOR, "BLLac-0001R.fit")
    assert info.telescope == "OSN-T090"
    assert info.instrument == "AndorT90"
    assert info.night == "2022-09-18"
    assert (info.imgtype, info.obsmode, info.band) == (ImageType.LIGHT, ObsMode.PHOTOMETRY, "R")
    assert info.rotangle is None
    assert not info.has_pairs
    assert info.jd_start == 2459841.46187
    assert (info.jd_mid - info.jd_start) * 86400 == pytest.approx(30.0, abs=1e-4)
    assert (info.width, info.height, info.binning) == (2048, 2048, (1, 1))
    assert info.pixel_scale == 0.387
    assert info.gain == 4.5
    assert info.ra == pytest.approx(330.680417, abs=1e-6)
    assert info.dec == pytest.approx(42.277778, abs=1e-6)
    assert info.pointing_equinoxes == ("J2000", "date")
    assert FrameInfo.from_dict(info.to_dict()) == info


def test_binning_scales_the_pixel(andor):
    info = andor.classify(change(ANDOR, XBINNING=2, YBINNING=2, NAXIS1=1024, NAXIS2=1024), "a.fit")
    assert info.pixel_scale == pytest.approx(0.774)


@pytest.mark.parametrize(
    ("written", "angle"),
    [("R_45", -45.0), ("R-45", -45.0), ("R0", 0.0), ("R45", 45.0), ("R+45", 45.0), ("R90", 90.0)],
)
def test_polaroids(andor, written, angle):
    info = andor.classify(change(ANDOR, FILTER=written), "a.fit")
    assert (info.obsmode, info.band, info.rotangle) == (ObsMode.POLARIMETRY, "R", angle)


@pytest.mark.parametrize("written", ["U", "B", "V", "R", "I", "R Johnson", "V Johnson", " B "])
def test_photometric_filters(andor, written):
    info = andor.classify(change(ANDOR, FILTER=written), "a.fit")
    assert (info.obsmode, info.band) == (ObsMode.PHOTOMETRY, written.strip()[0])


@pytest.mark.parametrize(
    ("imagetyp", "name", "filename", "imgtype"),
    [
        ("BIAS", "", "x.fit", ImageType.BIAS),
        ("FLAT", "", "x.fit", ImageType.FLAT),
        ("DARK", "", "x.fit", ImageType.DARK),
        ("Light Frame", "", "x.fit", ImageType.LIGHT),
        ("LIGHT", "Flat R", "Flat-0001R.fit", ImageType.FLAT),
        ("LIGHT", "bias", "Bias-0001.fit", ImageType.BIAS),
        ("LIGHT", "Flat R", "BLLac-0001R.fit", ImageType.LIGHT),
        ("LIGHT", "BLLac", "Flat-0001R.fit", ImageType.LIGHT),
    ],
)
def test_image_types(andor, imagetyp, name, filename, imgtype):
    info = andor.classify(change(ANDOR, IMAGETYP=imagetyp, OBJECT=name), filename)
    assert info.imgtype is imgtype
    assert (info.obsmode is ObsMode.NONE) == (imgtype in (ImageType.BIAS, ImageType.DARK))


def test_calibrations_need_no_filter(andor):
    bias = andor.classify(change(ANDOR, IMAGETYP="BIAS", FILTER=None, EXPTIME=None), "b.fit")
    assert (bias.band, bias.exptime) == ("", 0.0)
    assert andor.classify(change(ANDOR, IMAGETYP="FLAT", FILTER="Clear"), "f.fit").band == ""
    assert andor.classify(change(ANDOR, IMAGETYP="FLAT", FILTER=""), "f.fit").band == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"FILTER": None}, "no FILTER"),
        ({"FILTER": "Clear"}, "FILTER = 'Clear'"),
        ({"FILTER": "Halpha"}, "FILTER = 'Halpha'"),
        ({"FILTER": "R30"}, "FILTER = 'R30'"),
        ({"IMAGETYP": "FLAT", "FILTER": None}, "no FILTER"),
        ({"IMAGETYP": None}, "no IMAGETYP"),
        ({"IMAGETYP": "Tricolor"}, "IMAGETYP = 'Tricolor'"),
        ({"EXPTIME": None}, "no EXPTIME or EXPOSURE"),
        ({"EXPTIME": "long"}, "EXPTIME = 'long'"),
        ({"EXPTIME": float("nan")}, "EXPTIME = nan"),
        ({"EXPTIME": -3.0}, "EXPTIME = -3 s is negative"),
        ({"JD": None, "DATE__OBS": None}, "no DATE-OBS"),
        ({"JD": None, "DATE__OBS": "18/09/22"}, "DATE-OBS: '18/09/22'"),
        ({"JD": 59841.0}, "JD = 59841.00000"),
        ({"NAXIS": 3}, "NAXIS = 3"),
        ({"NAXIS1": None}, "no NAXIS1"),
        ({"BITPIX": -32}, "BITPIX = -32"),
        ({"BITPIX": 8}, "BITPIX = 8"),
        ({"XBINNING": 1.5}, "XBINNING = 1.5"),
    ],
)
def test_bad_headers_name_key_and_file(andor, changes, words):
    with pytest.raises(BadFrame, match=r"^bad\.fit: ") as caught:
        andor.classify(change(ANDOR, **changes), "bad.fit")
    assert words in str(caught.value)
    assert caught.value.remedy


def test_time_from_date_obs_where_there_is_no_jd(andor):
    info = andor.classify(change(ANDOR, JD=None), "a.fit")
    assert info.jd_start == pytest.approx(2459841.46187, abs=1e-6)


@pytest.mark.parametrize(
    ("ra", "dec", "expected"),
    [
        ("330.6804", "+42 16 40", (330.6804, 42.277778)),  # degrees where hours belong
        (22.045361, 42.277778, (330.680415, 42.277778)),
        ("22:02:43.3", "-00:30:00", (330.680417, -0.5)),
        ("", "", (None, None)),
        ("22 02 43.3", "", (None, None)),
        ("22 72 43.3", "+42 16 40", (None, None)),
        ("22 02 43.3", "+97 00 00", (None, None)),
    ],
)
def test_pointings_that_lie(andor, ra, dec, expected):
    info = andor.classify(change(ANDOR, OBJCTRA=ra, OBJCTDEC=dec), "a.fit")
    if expected[0] is None:
        assert (info.ra, info.dec) == (None, None)
    else:
        np.testing.assert_allclose((info.ra, info.dec), expected, atol=1e-6)


def test_predecessor_named_after_its_last_night(andor):
    header = change(ANDOR, INSTRUME="RoperT90")
    assert identify(header, "a.fit") is andor
    assert not andor.recognises(change(header, JD=2459500.4))  # 2021-10-12
    # 2021-10-23 begins at local noon; 03:00 UT of that date is still the night before.
    assert not andor.recognises(change(header, JD=2459510.625))
    assert andor.recognises(change(header, JD=2459511.3))
    assert not andor.recognises(change(header, JD=None, DATE__OBS=None))


def test_unsolvable_field_is_marked(andor):
    header = change(ANDOR, OBJECT="HIP2838", FILTER="U", EXPTIME=2.0)
    assert "unsolvable" in andor.classify(header, "a.fit").extra
    assert not andor.classify(change(header, EXPTIME=3.0), "a.fit").extra


def test_instrumental_polarization(andor):
    ip = andor.instrumental_polarization("R", "2022-09-18")
    assert (ip.q0, ip.q0_err, ip.u0, ip.u0_err) == (0.0579, 0.003, 0.0583, 0.0023)
    assert (ip.zero_angle, ip.zero_angle_err, ip.efficiency) == (-18.0, 1.0, 1.0)
    assert ip.origin
