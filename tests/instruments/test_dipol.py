"""DIPOL: what its headers mean, and which are refused with which words."""

import pytest

from polarnight.errors import BadFrame
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import identify

from .headers import DIPOL, change

WIDE = change(DIPOL, NAXIS1=4144, NAXIS2=2822, XORGSUBF=0, YORGSUBF=0, NOTES="")


def test_a_window_of_polarimetry(dipol):
    info = dipol.classify(DIPOL, "BLLac_R_001.fts")
    assert (info.telescope, info.instrument, info.night) == ("OSN-T090", "DIPOL", "2023-10-26")
    assert (info.imgtype, info.obsmode, info.band) == (ImageType.LIGHT, ObsMode.POLARIMETRY, "R")
    assert info.rotangle == 22.5
    assert info.has_pairs
    # MaxIm DL counts the corner of a subframe in binned pixels, as FrameInfo does.
    assert (info.origin, info.binning) == ((1500, 1000), (2, 2))
    assert info.pixel_scale == pytest.approx(0.134)
    assert (info.gain, info.read_noise) == (1.0, 7.3)
    assert (info.ra, info.dec) == (None, None)
    assert info.pointing_equinoxes[0] == "object"
    assert (info.beam, info.instrument_angle, info.extra) == ("", None, {})
    assert identify(DIPOL, "a.fts") is dipol


def test_photometry_shows_pairs_too(dipol):
    info = dipol.classify(WIDE, "BLLac_R_001.fts")
    assert (info.obsmode, info.rotangle, info.origin) == (ObsMode.PHOTOMETRY, None, (0, 0))
    assert info.has_pairs
    assert info.width * info.pixel_scale / 60 == pytest.approx(dipol.field_arcmin, rel=0.01)


@pytest.mark.parametrize(
    ("notes", "angle"),
    [
        ("0 deg", 0.0), ("0.0 deg", 0.0), ("22.5 deg", 22.5), ("337.5 deg", 337.5),
        ("337.5deg", 337.5), ("45 degrees", 45.0), (" 67.5  deg cycle 2", 67.5), ("360 deg", 0.0),
        ("-22.5 deg", 337.5),
    ],
)  # fmt: skip
def test_angles_of_the_plate(dipol, notes, angle):
    info = dipol.classify(change(DIPOL, NOTES=notes), "a.fts")
    assert (info.obsmode, info.rotangle) == (ObsMode.POLARIMETRY, angle)


@pytest.mark.parametrize("notes", ["", "clouds", "  "])
def test_notes_without_an_angle_are_photometry(dipol, notes):
    info = dipol.classify(change(DIPOL, NOTES=notes), "a.fts")
    assert (info.obsmode, info.rotangle) == (ObsMode.PHOTOMETRY, None)


@pytest.mark.parametrize(("written", "band"), [("Red", "R"), ("Green", "V"), ("Blue", "B")])
def test_filters(dipol, written, band):
    assert dipol.classify(change(DIPOL, FILTER=written), "a.fts").band == band


@pytest.mark.parametrize(
    ("imagetyp", "name", "imgtype"),
    [
        ("Bias Frame", "", ImageType.BIAS),
        ("Dark Frame", "", ImageType.DARK),
        ("Flat Field", "", ImageType.FLAT),
        ("Light Frame", "SkyFlat_R", ImageType.FLAT),
        ("Light Frame", "BLLac", ImageType.LIGHT),
        ("Light Frame", "Flat", ImageType.LIGHT),
    ],
)
def test_image_types(dipol, imagetyp, name, imgtype):
    assert dipol.classify(change(WIDE, IMAGETYP=imagetyp, OBJECT=name), "a.fts").imgtype is imgtype


def test_calibrations_need_neither_filter_nor_notes(dipol):
    for kind in ("Bias Frame", "Dark Frame"):
        header = change(WIDE, IMAGETYP=kind, FILTER=None, NOTES=None)
        info = dipol.classify(header, "a.fts")
        assert (info.band, info.obsmode, info.has_pairs) == ("", ObsMode.NONE, False)
    flat = dipol.classify(change(WIDE, IMAGETYP="Flat Field", NOTES=None), "a.fts")
    assert (flat.obsmode, flat.band) == (ObsMode.PHOTOMETRY, "R")


def test_flats_serve_all_angles_and_windows(dipol):
    assert (dipol.windows, dipol.flat_in_windows, dipol.flat_angles) == (True, True, "any")
    assert dipol.requires == {ImageType.BIAS, ImageType.DARK, ImageType.FLAT}


@pytest.mark.parametrize(
    ("jd", "telescop", "mine"),
    [
        (2460220.4, "", True),
        (2460220.4, None, True),
        (2460228.4, "", True),  # the night of 2023-10-10
        (2460229.4, "", False),  # the night of 2023-10-11
        (2460229.4, None, False),
        (2460229.4, "T90-OSN", True),
        (2460220.4, "T150-OSN", False),
    ],
)
def test_the_telescope_was_not_always_named(dipol, jd, telescop, mine):
    header = change(DIPOL, JD=jd, TELESCOP=telescop)
    assert dipol.recognises(header) is mine
    if mine:
        assert dipol.classify(header, "a.fts").telescope == "OSN-T090"


def test_a_header_with_pointing_and_gain(dipol):
    header = change(DIPOL, TELRA="22 02 43.3", TELDEC="+42 16 40", EGAIN=0.25, FLIPSTAT="Flip")
    info = dipol.classify(header, "a.fts")
    assert info.ra == pytest.approx(330.680417, abs=1e-6)
    assert info.dec == pytest.approx(42.277778, abs=1e-6)
    assert info.gain == 0.25
    assert info.extra == {"flipped": True}


def test_constants(dipol):
    assert dipol.angles == tuple(22.5 * k for k in range(16))
    assert (dipol.min_angles, dipol.angle_period, dipol.beams) == (8, 360.0, "image")
    # (-209, 13) +- (12, 16) pixels as read, binned 2 x 2.
    assert tuple(dipol.pair) == (-418.0, 26.0, 24.0, 32.0)
    ip = dipol.instrumental_polarization("R", "2023-10-26")
    assert (ip.q0, ip.q0_err, ip.u0, ip.u0_err) == (0.0004, 0.0007, -0.0455, 0.0007)
    assert (ip.zero_angle, ip.zero_angle_err) == (41.0, 3.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"NOTES": None}, "no NOTES"),
        ({"NOTES": "some deg"}, "NOTES = 'some deg'"),
        ({"FILTER": None}, "no FILTER"),
        ({"FILTER": ""}, "no FILTER"),
        ({"FILTER": "Lum"}, "FILTER = 'Lum'"),
        ({"IMAGETYP": None}, "no IMAGETYP"),
        ({"IMAGETYP": "Tricolor Image"}, "IMAGETYP = 'Tricolor Image'"),
        ({"EXPTIME": None, "EXPOSURE": None}, "no EXPTIME or EXPOSURE"),
        ({"JD": None, "DATE__OBS": None}, "no DATE-OBS"),
        ({"XORGSUBF": 10.5}, "XORGSUBF = 10.5"),
        ({"YORGSUBF": -2}, "YORGSUBF = -2"),
        ({"NAXIS": 3}, "NAXIS = 3"),
        ({"BITPIX": -32}, "BITPIX = -32"),
        ({"EGAIN": 1e9}, "EGAIN = 1e+09"),
    ],
)
def test_bad_headers_name_key_and_file(dipol, changes, words):
    with pytest.raises(BadFrame, match=r"^bad\.fts: ") as caught:
        dipol.classify(change(DIPOL, **changes), "bad.fts")
    assert words in str(caught.value)
    assert caught.value.remedy
