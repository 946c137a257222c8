"""DOLORES at the TNG: what its headers mean, and which are refused with which words."""

import pytest

from polarnight.errors import BadFrame
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import identify
from polarnight.instruments.times import jd_from_isot

from .headers import DOLORES, change

NAME = "LRS.2016-06-06T22-10-03.925.fits"


def test_a_science_frame(dolores):
    info = dolores.classify(DOLORES, NAME)
    assert (info.telescope, info.instrument, info.night) == ("TNG", "DOLORES", "2016-06-06")
    assert (info.imgtype, info.obsmode, info.band) == (ImageType.LIGHT, ObsMode.PHOTOMETRY, "R")
    assert (info.rotangle, info.has_pairs, info.beam) == (None, False, "")
    assert info.jd_start == pytest.approx(jd_from_isot("2016-06-06T22:10:03.925"), abs=1e-9)
    assert (info.jd_mid - info.jd_start) * 86400 == pytest.approx(60.0, abs=1e-4)
    assert (info.gain, info.read_noise, info.pixel_scale) == (0.97, 9.0, 0.252)
    # NGC 5364 lies at 14h 00m 12s, +5d 00' 56".
    assert info.ra == pytest.approx(210.05, abs=1e-3)
    assert info.dec == pytest.approx(5.0156, abs=1e-3)
    assert info.object_name == "NGC5364"
    assert identify(DOLORES, NAME) is dolores


@pytest.mark.parametrize(
    ("written", "band"),
    [
        ("U_JOHN_09", "U"), ("B_JOHN_10", "B"), ("V_JOHN_11", "V"), ("R_JOHN_12", "R"),
        ("I_JOHN_13", "I"), ("g_sdss_30", "g_sdss"), ("Z_SDSS_33", "z_sdss"),
    ],
)  # fmt: skip
def test_filters(dolores, written, band):
    assert dolores.classify(change(DOLORES, FLT_ID=written), NAME).band == band


@pytest.mark.parametrize(
    ("obs_type", "name", "imgtype"),
    [
        ("BIAS", "", ImageType.BIAS),
        ("ZERO", "", ImageType.BIAS),
        ("DARK", "", ImageType.DARK),
        ("FLAT", "", ImageType.FLAT),
        ("OBJECT", "SkyFlat R", ImageType.FLAT),
        ("OBJECT", "NGC5364", ImageType.LIGHT),
    ],
)
def test_image_types(dolores, obs_type, name, imgtype):
    header = change(DOLORES, OBS__TYPE=obs_type, OBJECT=name)
    assert dolores.classify(header, NAME).imgtype is imgtype


def test_the_hyphen_that_some_write_as_underscore(dolores):
    header = change(DOLORES, OBS__TYPE=None, OBS_TYPE="FLAT")
    assert dolores.classify(header, NAME).imgtype is ImageType.FLAT


def test_calibrations_through_no_filter(dolores):
    bias = change(DOLORES, OBS__TYPE="BIAS", FLT_ID="OPEN", GRM_ID="LR-B", EXPTIME=0.0)
    assert dolores.classify(bias, NAME).band == ""
    assert dolores.classify(change(DOLORES, OBS__TYPE="FLAT", FLT_ID="OPEN"), NAME).band == ""


def test_the_date_with_slashes_and_binning(dolores):
    info = dolores.classify(change(DOLORES, DATE__OBS="2016/06/06", CRDELT1=2, CRDELT2=2), NAME)
    assert info.jd_start == pytest.approx(jd_from_isot("2016-06-06T22:10:03.925"), abs=1e-9)
    assert (info.binning, info.pixel_scale) == ((2, 2), 0.504)


def test_declared_response_where_the_header_has_none(dolores):
    info = dolores.classify(change(DOLORES, GAIN_1=None, RMS_1=None), NAME)
    assert (info.gain, info.read_noise) == (0.97, 9.0)


@pytest.mark.parametrize("changes", [{"RA__RAD": None}, {"RA__RAD": 209.3}, {"DEC__RAD": 5.0}])
def test_pointings_that_cannot_be(dolores, changes):
    info = dolores.classify(change(DOLORES, **changes), NAME)
    assert (info.ra, info.dec) == (None, None)


def test_the_chips_of_earlier_years_are_others(dolores):
    assert not dolores.recognises(change(DOLORES, DATE__OBS="2006-08-23"))
    assert not dolores.recognises(change(DOLORES, TELESCOP="WHT"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"FLT_ID": None}, "no FLT_ID"),
        ({"FLT_ID": "OPEN"}, "FLT_ID = 'OPEN'"),
        ({"FLT_ID": "Halpha_40"}, "FLT_ID = 'Halpha_40'"),
        ({"GRM_ID": "LR-B"}, "GRM_ID = 'LR-B': a spectrum"),
        ({"SLT_ID": "1.0_OFFSET"}, "SLT_ID = '1.0_OFFSET': a spectrum"),
        ({"OBS__TYPE": None}, "no OBS-TYPE or OBS_TYPE"),
        ({"OBS__TYPE": "FOCUS"}, "OBS-TYPE or OBS_TYPE = 'FOCUS'"),
        ({"EXPTIME": None}, "no EXPTIME"),
        ({"DATE__OBS": None}, "no DATE-OBS"),
        ({"EXPSTART": None}, "no time of day"),
        ({"EXPSTART": "79803.9"}, "EXPSTART = '79803.9' is no time of day"),
        ({"CRDELT1": 0.5}, "CRDELT1 = 0.5"),
        ({"RA__RAD": "14:00"}, "RA-RAD = '14:00'"),
    ],
)
def test_bad_headers_name_key_and_file(dolores, changes, words):
    with pytest.raises(BadFrame, match=r"^bad\.fits: ") as caught:
        dolores.classify(change(DOLORES, **changes), "bad.fits")
    assert words in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("written", "band"), [("B JOHN 10", "B"), ("R JOHN 12", "R"), ("g SDSS 30", "g_sdss")]
)
def test_filters_whose_underscores_became_spaces(dolores, written, band):
    assert dolores.classify(change(DOLORES, FLT_ID=written), "a.fits").band == band


@pytest.mark.parametrize("lacking", ["DATE__OBS", "EXPSTART"])
def test_without_a_date_the_error_is_about_the_date(dolores, lacking):
    with pytest.raises(BadFrame, match=r"of DOLORES depends on its date, and .*DATE-OBS") as caught:
        identify(change(DOLORES, **{lacking: None}), "a.fits")
    assert caught.value.remedy
