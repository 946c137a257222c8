"""CAFOS: what its headers mean, and which are refused with which words."""

import pytest

from polarnight.errors import BadFrame
from polarnight.frames import ImageType, ObsMode, PairVector, Section
from polarnight.instruments import identify

from .headers import CAFOS, change


def test_a_polarimetric_frame(cafos):
    info = cafos.classify(CAFOS, "caf-20250913-21:43:38-sci-agui.fits")
    assert (info.telescope, info.instrument) == ("CAHA-T220", "CAFOS2.2")
    assert info.night == "2025-09-13"
    assert (info.imgtype, info.obsmode, info.band) == (ImageType.LIGHT, ObsMode.POLARIMETRY, "R")
    assert info.rotangle == 22.48
    assert info.has_pairs
    assert (info.gain, info.read_noise) == (1.43, 7.4)
    # The full well (180000 e-) lies beyond the converter's end.
    assert (info.saturation, info.nonlinear) == (65535.0, 60000.0)
    assert info.pixel_scale == 0.53
    assert info.readmode == "normal/20.0"
    assert info.origin == (624, 624)
    assert info.trim == Section(1, 800, 2, 800)
    assert info.pointing_equinoxes == ("date", "J2000")
    # 2025-09-13T21:43:38, not DATE, is the start; 2460932.40530 by hand.
    assert info.jd_start == pytest.approx(2460931.5 + (21 + 43 / 60 + 38 / 3600) / 24, abs=1e-9)
    assert (info.jd_mid - info.jd_start) * 86400 == pytest.approx(2.5, abs=1e-4)


def test_time_of_day_from_ut_start(cafos):
    info = cafos.classify(change(CAFOS, DATE__OBS="2025-09-13"), "a.fits")
    assert info.jd_start == pytest.approx(cafos.classify(CAFOS, "a.fits").jd_start, abs=1e-9)
    with pytest.raises(BadFrame, match="no time of day"):
        cafos.classify(change(CAFOS, DATE__OBS="2025-09-13", UT_START=None), "a.fits")


def test_constants(cafos):
    assert cafos.pair == PairVector(-35.725, -0.197, 1.344, 1.016)
    assert cafos.requires == {ImageType.BIAS, ImageType.FLAT}
    assert cafos.angles == (0.0, 22.48, 44.98, 67.48)
    ip = cafos.instrumental_polarization("R")
    assert (ip.q0, ip.q0_err, ip.u0, ip.u0_err) == (0.0, 0.0005, 0.0, 0.0005)
    assert (ip.zero_angle, ip.zero_angle_err) == (-1.5, 1.5)


def test_declared_response_where_the_header_has_none(cafos):
    info = cafos.classify(change(CAFOS, CCDSENS=None, CCDRON=0.0, CCDSAT=None), "a.fits")
    assert (info.gain, info.read_noise, info.saturation) == (1.45, 7.4, 65535.0)


def test_a_small_full_well_saturates_before_the_converter(cafos):
    info = cafos.classify(change(CAFOS, CCDSAT=71500.0), "a.fits")
    assert info.saturation == pytest.approx(50000.0)
    assert info.nonlinear <= info.saturation


@pytest.mark.parametrize(
    ("written", "band"),
    [
        ("BessellR", "R"),
        ("Bessell I", "I"),
        ("John V", "V"),
        ("Cous R", "R"),
        ("CousinsI", "I"),
        ("JohnsonB  ", "B"),
        ("JohnsonU", "U"),
    ],
)
def test_filters(cafos, written, band):
    assert cafos.classify(change(CAFOS, INSFLNAM=written), "a.fits").band == band


def test_photometry_through_the_free_beam(cafos):
    info = cafos.classify(change(CAFOS, INSPOFPI="FREE    ", INSPOROT=0), "a.fits")
    assert (info.obsmode, info.rotangle, info.has_pairs) == (ObsMode.PHOTOMETRY, None, False)


@pytest.mark.parametrize(
    ("written", "imgtype"),
    [("bias", ImageType.BIAS), ("dark", ImageType.DARK), ("flat    ", ImageType.FLAT)],
)
def test_calibrations(cafos, written, imgtype):
    info = cafos.classify(change(CAFOS, IMAGETYP=written), "a.fits")
    assert info.imgtype is imgtype
    if imgtype is not ImageType.FLAT:
        assert (info.obsmode, info.band, info.rotangle) == (ObsMode.NONE, "", None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"INSFLNAM": "FREE"}, "INSFLNAM = 'FREE'"),
        ({"INSFLNAM": None}, "no INSFLNAM"),
        ({"INSPOFPI": None}, "no INSPOFPI"),
        ({"INSPOFPI": "Fabry"}, "INSPOFPI = 'Fabry'"),
        ({"INSTRMOD": "Direct"}, "INSTRMOD = 'Direct'"),
        ({"INSPOROT": None}, "no INSPOROT"),
        ({"INSGRNAM": "B-400"}, "INSGRNAM = 'B-400'"),
        ({"IMAGETYP": "focus"}, "IMAGETYP = 'focus'"),
        ({"EXPTIME": None}, "no EXPTIME"),
        ({"DATE__OBS": "2025-13-45T00:00:00"}, "DATE-OBS"),
        ({"TELESCOP": "CA-3.5"}, "TELESCOP = 'CA-3.5'"),
    ],
)
def test_bad_headers_name_key_and_file(cafos, changes, words):
    with pytest.raises(BadFrame) as caught:
        cafos.classify(change(CAFOS, **changes), "bad.fits")
    assert str(caught.value).startswith("bad.fits: ")
    assert words in str(caught.value)
    assert caught.value.remedy


def test_identify(cafos, andor):
    assert identify(CAFOS, "a.fits") is cafos
    with pytest.raises(BadFrame, match=r"x\.fits: no installed .*'CA-2.2'.*'Other'.*AndorT90"):
        identify(change(CAFOS, INSTRUME="Other"), "x.fits")
    with pytest.raises(BadFrame, match="no TELESCOP, no INSTRUME"):
        identify({}, "x.fits")


def test_the_date_of_the_file_where_there_is_no_other(cafos):
    header = change(CAFOS, DATE__OBS=None, UT_START=None, DATE="2025-09-13T21:43:38")
    assert cafos.classify(header, "a.fits").jd_start == cafos.classify(CAFOS, "a.fits").jd_start
