"""Observatories declared by YAML: what a small file is enough for, and which faults are named."""

import re

import pytest

from polarnight.errors import BadFrame, ConfigError
from polarnight.frames import ImageType, ObsMode, PairVector
from polarnight.instruments.generic import read_observatory
from polarnight.instruments.observatories import OBSERVATORIES

SMALL = """
telescope: {name: HOME-C11, longitude: -3.7, latitude: 40.4}
name: HOME-CCD
recognise: {INSTRUME: ZWO ASI1600MM Pro}
size: [4656, 3520]
pixel_scale: 0.28
gain: 1.2
read_noise: 3.5
"""

HEADER = {
    "NAXIS": 2, "BITPIX": 16, "NAXIS1": 2328, "NAXIS2": 1760, "TELESCOP": "EQMOD HEQ5/6",
    "INSTRUME": "ZWO ASI1600MM Pro", "IMAGETYP": "Light Frame", "EXPTIME": 60.0, "EXPOSURE": 60.0,
    "DATE-OBS": "2025-03-01T22:30:00.5", "FILTER": "V", "OBJECT": "BL Lac", "XBINNING": 2,
    "YBINNING": 2, "RA": 330.68, "DEC": 42.2778, "GAIN": 139, "AIRMASS": 1.2,
}  # fmt: skip


@pytest.fixture
def declare():
    """Return a function that declares an observatory and gives its instrument."""

    def declare(text, name="HOME-CCD"):
        OBSERVATORIES.adopt((("home.yaml", text),))
        return OBSERVATORIES.plugins("polarnight.instruments")[name]

    yield declare
    OBSERVATORIES.adopt(None)


def with_line(text, line):
    return text + line + "\n"


def test_the_smallest_file_is_enough(declare):
    camera = declare(SMALL)
    assert camera.recognises(HEADER)
    info = camera.classify(HEADER, "bllac.fits")
    assert (info.telescope, info.instrument, info.night) == ("HOME-C11", "HOME-CCD", "2025-03-01")
    assert (info.imgtype, info.obsmode, info.band) == (ImageType.LIGHT, ObsMode.PHOTOMETRY, "V")
    # GAIN is the setting of such cameras, not electrons per ADU.
    assert (info.gain, info.read_noise, info.saturation) == (1.2, 3.5, 65535.0)
    assert info.nonlinear == pytest.approx(0.9 * 65535)
    assert (info.binning, info.pixel_scale) == ((2, 2), 0.56)
    assert (info.ra, info.dec) == (330.68, 42.2778)
    assert camera.field_arcmin == pytest.approx(4656 * 0.28 / 60)
    assert camera.origin_file == "home.yaml"
    assert camera.requires == {ImageType.BIAS, ImageType.FLAT}


def test_another_camera_is_not_its_own(declare):
    camera = declare(SMALL)
    assert not camera.recognises({**HEADER, "INSTRUME": "QHY"})
    assert not camera.recognises({k: v for k, v in HEADER.items() if k != "INSTRUME"})


def test_the_telescope_alone_can_tell(declare):
    text = SMALL.replace("latitude: 40.4", "latitude: 40.4, TELESCOP: [C11, Celestron]")
    text = re.sub(r"recognise.*\n", "", text)
    camera = declare(text)
    assert camera.recognises({**HEADER, "TELESCOP": "Celestron"})
    assert not camera.recognises(HEADER)


@pytest.mark.parametrize(
    ("ra", "expected"),
    [(330.68, 330.68), ("330.68", 330.68), ("22 02 43.2", 330.68), ("22:00:00", 330.0)],
)
def test_right_ascensions_in_degrees_and_in_hours(declare, ra, expected):
    info = declare(SMALL).classify({**HEADER, "RA": ra}, "a.fits")
    assert info.ra == pytest.approx(expected)


def test_objctra_goes_before_ra(declare):
    header = {**HEADER, "OBJCTRA": "10 00 00", "OBJCTDEC": "-05 30 00"}
    info = declare(SMALL).classify(header, "a.fits")
    assert (info.ra, info.dec) == (150.0, -5.5)


@pytest.mark.parametrize(
    ("written", "band"),
    [
        ("V", "V"), ("Johnson V", "V"), ("Bessell R", "R"), ("g'", "g'"), ("Ha", "Ha"), ("L", "L"),
    ],
)  # fmt: skip
def test_without_a_table_filters_mean_what_they_say(declare, written, band):
    assert declare(SMALL).classify({**HEADER, "FILTER": written}, "a.fits").band == band


def test_a_table_of_filters(declare):
    text = with_line(SMALL, "filters: {1: V, Red: R, sloan g: g_sdss, Clear: ''}")
    camera = declare(text)
    for written, band in (("1", "V"), (1, "V"), ("RED", "R"), ("Sloan  g", "g_sdss")):
        assert camera.classify({**HEADER, "FILTER": written}, "a.fits").band == band
    with pytest.raises(BadFrame, match=r"FILTER = 'B' is no filter of HOME-CCD .*RED"):
        camera.classify({**HEADER, "FILTER": "B"}, "a.fits")
    with pytest.raises(BadFrame, match="a frame of the sky through no band"):
        camera.classify({**HEADER, "FILTER": "Clear"}, "a.fits")
    flat = camera.classify({**HEADER, "FILTER": "Clear", "IMAGETYP": "Flat"}, "a.fits")
    assert flat.band == ""


def test_a_camera_without_a_wheel(declare):
    header = {k: v for k, v in HEADER.items() if k != "FILTER"}
    with pytest.raises(BadFrame, match=r"no FILTER \(add the filter"):
        declare(SMALL).classify(header, "a.fits")
    assert declare(with_line(SMALL, "band: L")).classify(header, "a.fits").band == "L"


@pytest.mark.parametrize(
    ("moment", "start"), [("start", "22:30:00"), ("middle", "22:29:30"), ("end", "22:29:00")]
)
def test_the_moment_that_the_date_means(declare, moment, start):
    from polarnight.instruments.times import isot_from_jd

    camera = declare(with_line(SMALL, f"date_is: {moment}"))
    info = camera.classify({**HEADER, "DATE-OBS": "2025-03-01T22:30:00"}, "a.fits")
    assert isot_from_jd(info.jd_start, 0) == f"2025-03-01T{start}"


def test_times_in_other_keywords(declare):
    header = {**HEADER, "DATE-OBS": "2025-03-01", "TIME-OBS": "22:30:00"}
    here = declare(SMALL).classify(header, "a.fits").jd_start
    text = with_line(SMALL, "keywords: {mjd: MJD-OBS}")
    there = declare(text).classify({**HEADER, "MJD-OBS": here - 2400000.5}, "a.fits").jd_start
    assert there == pytest.approx(here, abs=1e-9)
    with pytest.raises(BadFrame, match=r"MJD-OBS = 2460736.* is no modified Julian date"):
        declare(text).classify({**HEADER, "MJD-OBS": 2460736.0}, "a.fits")


def test_pixels_that_the_declaration_allows(declare):
    with pytest.raises(BadFrame, match=r"BITPIX = -32, but raw frames .* integers of 16 bits or"):
        declare(SMALL).classify({**HEADER, "BITPIX": -32}, "a.fits")
    camera = declare(with_line(SMALL, "bitpix: [16, -32]"))
    assert camera.classify({**HEADER, "BITPIX": -32}, "a.fits").width == 2328
    with pytest.raises(BadFrame, match="integers of 16 bits or reals of 32 bits"):
        camera.classify({**HEADER, "BITPIX": 8}, "a.fits")


POLAROIDS = (
    SMALL
    + """
polarimeter: polaroids
filters: {V: V, R: R, Pol0: V, Pol60: V, Pol120: V}
polaroids: {Pol0: 0, Pol60: 60, Pol120: 120}
"""
)


def test_polaroids_among_the_filters(declare):
    camera = declare(POLAROIDS)
    assert (camera.angles, camera.min_angles, camera.angle_period) == ((0, 60, 120), 3, 180.0)
    info = camera.classify({**HEADER, "FILTER": "Pol60"}, "a.fits")
    assert (info.obsmode, info.band, info.rotangle) == (ObsMode.POLARIMETRY, "V", 60.0)
    info = camera.classify(HEADER, "a.fits")
    assert (info.obsmode, info.rotangle) == (ObsMode.PHOTOMETRY, None)


def test_polaroids_in_a_wheel_of_their_own(declare):
    text = POLAROIDS.replace("filters: {V: V, R: R, Pol0: V, Pol60: V, Pol120: V}\n", "")
    camera = declare(with_line(text, "keywords: {polaroid: POLAR}"))
    info = camera.classify({**HEADER, "POLAR": "pol120"}, "a.fits")
    assert (info.obsmode, info.band, info.rotangle) == (ObsMode.POLARIMETRY, "V", 120.0)
    for none in ("", "open", "Clear"):
        info = camera.classify({**HEADER, "POLAR": none}, "a.fits")
        assert info.obsmode is ObsMode.PHOTOMETRY
    with pytest.raises(BadFrame, match=r"POLAR = 'POL30' is no polaroid"):
        camera.classify({**HEADER, "POLAR": "pol30"}, "a.fits")


PLATE = (
    SMALL
    + """
polarimeter: half-wave plate
keywords: {angle: HWPANG}
pair: {dx: -40, dy: 1.5, sx: 2, sy: 2}
"""
)


def test_a_plate_with_both_beams_on_the_image(declare):
    camera = declare(PLATE)
    assert (camera.angles, camera.min_angles) == ((0.0, 22.5, 45.0, 67.5), 4)
    assert (camera.pair, camera.beams) == (PairVector(-40, 1.5, 2, 2), "image")
    info = camera.classify({**HEADER, "HWPANG": "45.0 deg"}, "a.fits")
    assert (info.obsmode, info.rotangle, info.has_pairs) == (ObsMode.POLARIMETRY, 45.0, True)
    info = camera.classify(HEADER, "a.fits")
    assert (info.obsmode, info.has_pairs) == (ObsMode.PHOTOMETRY, False)
    with pytest.raises(BadFrame, match=r"HWPANG = 'out' is no angle of the plate"):
        camera.classify({**HEADER, "HWPANG": "out"}, "a.fits")


def test_a_plate_whose_angle_is_always_written(declare):
    camera = declare(with_line(PLATE, "polarimetry_when: {WOLL: [IN, 'YES']}"))
    info = camera.classify({**HEADER, "HWPANG": 0.0, "WOLL": "IN"}, "a.fits")
    assert (info.obsmode, info.rotangle) == (ObsMode.POLARIMETRY, 0.0)
    info = camera.classify({**HEADER, "HWPANG": 0.0, "WOLL": "OUT"}, "a.fits")
    assert (info.obsmode, info.rotangle) == (ObsMode.PHOTOMETRY, None)
    with pytest.raises(BadFrame, match="the header has no HWPANG"):
        camera.classify({**HEADER, "WOLL": "IN"}, "a.fits")


def test_a_quarter_wave_plate(declare):
    text = PLATE.replace("half-wave", "quarter-wave") + "angle_sense: -1\nretardance: 88\n"
    camera = declare(text)
    assert (camera.polarimeter, camera.angle_period) == ("quarter-wave plate", 360.0)
    assert (len(camera.angles), camera.min_angles) == (8, 2)
    assert (camera.angle_sense, camera.retardance) == (-1, 88.0)


CAMERAS = (
    SMALL
    + """
polarimeter: half-wave plate
beams: cameras
keywords: {angle: HWPANG, instrument_angle: ROTSKYPA}
camera_beams: {keyword: CAMERA, values: {1: O, 2: E}}
"""
)


def test_a_camera_for_each_beam(declare):
    camera = declare(CAMERAS)
    assert camera.beams == "cameras"
    header = {**HEADER, "HWPANG": 22.5, "ROTSKYPA": -30.0}
    for number, beam in ((1, "O"), ("2", "E")):
        info = camera.classify({**header, "CAMERA": number}, "a.fits")
        assert (info.beam, info.has_pairs, info.instrument_angle) == (beam, False, -30.0)
    with pytest.raises(BadFrame, match=r"CAMERA = '3' is no camera of HOME-CCD \(one of: 1, 2"):
        camera.classify({**header, "CAMERA": 3}, "a.fits")
    with pytest.raises(BadFrame, match="no CAMERA"):
        camera.classify(header, "a.fits")


def test_the_camera_in_the_name_of_the_file(declare):
    text = CAMERAS.replace("keyword: CAMERA", r"filename: '^(\d)_'")
    camera = declare(text)
    header = {**HEADER, "HWPANG": 22.5}
    assert camera.classify(header, "1_e_20250301.fits").beam == "O"
    assert camera.classify(header, "2_e_20250301.fits").beam == "E"
    with pytest.raises(BadFrame, match="the name of the file = '3' is no camera"):
        camera.classify(header, "3_e_20250301.fits")
    with pytest.raises(BadFrame, match="the name of the file = '' is no camera"):
        camera.classify(header, "e_20250301.fits")


def test_detectors_by_date(declare):
    text = (
        re.sub(r"gain.*\nread.*\n", "", SMALL)
        + """
detector:
  - {gain: 1.0, read_noise: 4}
  - {from: 2025-01-01, gain: 2.0, read_noise: 4, saturation: 4095}
"""
    )
    camera = declare(text)
    assert camera.detector("2024-06-01").gain == 1.0
    late = camera.detector("2025-06-01")
    assert (late.gain, late.saturation, late.nonlinear) == (2.0, 4095.0, 0.9 * 4095)


def test_several_instruments_at_one_telescope():
    text = """
telescope: {name: HOME, longitude: 0, latitude: 50, height: 100}
instruments:
  - {name: A, recognise: {INSTRUME: A}, size: [10, 10], pixel_scale: 1, gain: 1, read_noise: 1}
  - {name: B, recognise: {INSTRUME: B}, size: [10, 10], pixel_scale: 1, gain: 1, read_noise: 1}
"""
    found = read_observatory(text, "home.yaml")
    assert sorted(found.instruments) == ["A", "B"]
    assert found.instruments["B"].telescopes == ("HOME",)
    with pytest.raises(ConfigError, match="name: 'A' is declared twice"):
        read_observatory(text.replace("name: B", "name: A"), "home.yaml")
    with pytest.raises(ConfigError, match="only 'telescope' may stand"):
        read_observatory(text + "gain: 2\n", "home.yaml")
    with pytest.raises(ConfigError, match=r"instrument 2: name: add it"):
        read_observatory(text.replace("name: B, ", ""), "home.yaml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("gain: 1.2\n", "", "gain: add it"),
        ("gain: 1.2", "gain: -1", "gain: input should be greater than 0, not -1"),
        ("gain: 1.2", "gain: high", "gain: input should be a valid number"),
        ("pixel_scale: 0.28\n", "", "pixel_scale: add it"),
        ("size: [4656, 3520]\n", "", "size: add width and height"),
        ("size: [4656, 3520]", "size: large", "size: add width and height"),
        ("name: HOME-CCD\n", "", "name: add it"),
        ("name: HOME-CCD", "name: a/b", "name: "),
        ("recognise: {INSTRUME: ZWO ASI1600MM Pro}\n", "", "recognise: add the keywords"),
        ("gain: 1.2", "gian: 1.2\ngain: 1.2", "gian: no such key; did you mean gain?"),
        ("gain: 1.2", "colour: 3\ngain: 1.2", "colour: no such key; take it out"),
        ("longitude: -3.7, ", "", "telescope: longitude: add it"),
        ("latitude: 40.4", "latitude: 140.4", "telescope: latitude: "),
        ("latitude: 40.4", "latitude: 40.4, hight: 3", "telescope: hight: no such key"),
        ("telescope: {", "telescope: 3 #{", "telescope: give name, longitude"),
        ("telescope: {name", "#", "telescope: add name, longitude"),
        ("gain: 1.2", "gain: 1.2\nkeywords: {fliter: F}", "keywords.fliter: no such key; did you"),
        ("gain: 1.2", "gain: 1.2\nfilters: {X: a/b}", "filters.X: "),
        ("gain: 1.2", "gain: 1.2\nbitpix: many", "bitpix.0: "),
        ("gain: 1.2", "gain: 1.2\nimage_types: {Snap: PHOTO}", "image_types.SNAP: "),
        ("gain: 1.2", "gain: 1.2\npolarimeter: prism", "polarimeter: "),
        ("gain: 1.2", "gain: 1.2\npolarimeter: polaroids", "polaroids: add the names"),
        ("gain: 1.2", "gain: 1.2\npolarimeter: half-wave plate", "keywords.angle: add the"),
        ("gain: 1.2", "gain: 1.2\npolaroids: {P0: 0}", "polarimeter: add what turns"),
        ("gain: 1.2", "gain: 1.2\npair: {dx: 1, dy: 2}", "pair: needs exactly dx, dy, sx, sy"),
        ("gain: 1.2", "gain: [1.2", "home.yaml"),
    ],
)
def test_faults_name_file_key_and_remedy(old, new, words):
    assert old in SMALL
    with pytest.raises(ConfigError, match=r"the instrument file home\.yaml") as caught:
        read_observatory(SMALL.replace(old, new, 1), "home.yaml")
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "3: 4\n"])
def test_what_is_no_declaration_at_all(text):
    with pytest.raises(ConfigError, match=r"the instrument file home\.yaml"):
        read_observatory(text, "home.yaml")


def test_polaroids_need_a_band():
    text = POLAROIDS.replace("Pol120: V", "Pol121: V")
    with pytest.raises(ConfigError, match="filters: add 'POL120' and the band"):
        read_observatory(text, "home.yaml")


def test_cameras_need_to_be_told_apart():
    text = re.sub(r"camera_beams.*\n", "", CAMERAS)
    with pytest.raises(ConfigError, match="camera_beams: add the keyword"):
        read_observatory(text, "home.yaml")
    text = CAMERAS.replace("keyword: CAMERA, ", "")
    with pytest.raises(ConfigError, match="camera_beams: needs either keyword or filename"):
        read_observatory(text, "home.yaml")


def test_a_telescope_alone():
    text = "telescope: {name: HOME, abbreviation: H, longitude: 0, latitude: 50, height: 100}"
    found = read_observatory(text, "home.yaml")
    assert found.telescopes["HOME"].abbreviation == "H"
    assert found.instruments == {}


@pytest.mark.parametrize(("unit", "written"), [("ms", 60000.0), ("us", 6e7), ("min", 1), ("s", 60)])
def test_units_of_the_exposure_time(declare, unit, written):
    camera = declare(SMALL + f"exptime_unit: {unit}\n")
    info = camera.classify({**HEADER, "EXPTIME": written}, "a.fits")
    assert info.exptime == pytest.approx(60.0)
    # Half an exposure lies between its start and its middle, in whatever unit it is written.
    assert (info.jd_mid - info.jd_start) * 86400 == pytest.approx(30.0, abs=1e-4)


def test_a_unit_that_is_none(declare):
    with pytest.raises(
        ConfigError, match=r"exptime_unit: input should be 's', 'ms', 'us' or 'min'"
    ):
        read_observatory(SMALL + "exptime_unit: hours\n", "home.yaml")


WHEELS = """
keywords: {polaroid: POLWHEEL}
filters: {1: B, 2: V, 3: R}
polarimeter: polaroids
polaroids: {0: null, 1: 13, 2: 71, 3: 128}
"""


@pytest.mark.parametrize("number", [2, 2.0, "2", " 2 "])
def test_filters_and_polaroids_by_number(declare, number):
    camera = declare(SMALL + WHEELS)
    info = camera.classify({**HEADER, "FILTER": number, "POLWHEEL": number}, "a.fits")
    assert (info.band, info.rotangle) == ("V", 71.0)


def test_an_open_place_of_a_wheel_of_polaroids(declare):
    camera = declare(SMALL + WHEELS)
    for place in (0, 0.0, "0", "open"):
        info = camera.classify({**HEADER, "FILTER": 2, "POLWHEEL": place}, "a.fits")
        assert (info.obsmode, info.rotangle) == (ObsMode.PHOTOMETRY, None)
    with pytest.raises(BadFrame, match=r"POLWHEEL = '4' is no polaroid of HOME-CCD \(one of: 0, 1"):
        camera.classify({**HEADER, "FILTER": 2, "POLWHEEL": 4}, "a.fits")
    assert camera.angles == (13.0, 71.0, 128.0)


@pytest.mark.parametrize("lacking", ["XBINNING", "YBINNING"])
def test_the_binning_of_one_axis_is_that_of_the_other(declare, lacking):
    header = {key: value for key, value in HEADER.items() if key != lacking}
    assert declare(SMALL).classify(header, "a.fits").binning == (2, 2)
