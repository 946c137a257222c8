"""Declarations that are wrong on purpose or by accident: left out whole, with key and remedy."""

import re

import pytest

from polarnight.errors import BadFrame, ConfigError
from polarnight.instruments import get_instrument
from polarnight.instruments.generic import read_observatory
from polarnight.instruments.observatories import OBSERVATORIES

from .test_generic import HEADER, SMALL

PLATE = "polarimeter: half-wave plate\nkeywords: {angle: [ANGLE]}\n"
CAMERAS = PLATE + "beams: cameras\ncamera_beams: {filename: '%s', values: {'1': O, '2': E}}\n"


def refused(text):
    with pytest.raises(ConfigError) as caught:
        read_observatory(text, "home.yaml")
    message = str(caught.value)
    assert "home.yaml" in message
    assert len(message) < 1000
    return message


@pytest.mark.parametrize(
    "name", ["..", ".", ".git", "../x", "a\\\\b", "a\\0b", "a\\nb", "a\\u202Eb", " "]
)
def test_names_of_instruments_become_directories(name):
    assert ": name: directories" in refused(SMALL.replace("HOME-CCD", f'"{name}"'))


@pytest.mark.parametrize("name", ["..", "a\\0b", "a b", "a/b", ".x"])
def test_names_of_telescopes_become_directories(name):
    assert "telescope: name: " in refused(SMALL.replace("HOME-C11", f'"{name}"'))
    asked = SMALL.replace("longitude:", f'abbreviation: "{name}", longitude:')
    assert "telescope: abbreviation: " in refused(asked)


@pytest.mark.parametrize("band", ["..", "a\\0b", "a/b", "V\\n"])
def test_bands_become_parts_of_names_of_files(band):
    assert "filters.V: a band has" in refused(SMALL + f'filters: {{V: "{band}"}}\n')


def test_a_header_cannot_bring_a_band_that_leaves_its_directory():
    found = read_observatory(SMALL, "home.yaml").instruments["HOME-CCD"]
    for text in ("..", ".hidden", "a/b"):
        with pytest.raises(BadFrame, match=r"FILTER = .* cannot be the name of a band"):
            found.band(reader_of({**HEADER, "FILTER": text}), found.image_type(reader_of(HEADER)))


def reader_of(header):
    from polarnight.instruments.keywords import HeaderReader

    return HeaderReader(header, "a.fits")


@pytest.mark.parametrize("value", [".inf", ".nan", "9" * 5000, "0x" + "F" * 5000, "2024-13-45"])
def test_numbers_that_are_none(value):
    refused(SMALL.replace("gain: 1.2", f"gain: {value}"))
    refused(SMALL.replace("pixel_scale: 0.28", f"pixel_scale: {value}"))


@pytest.mark.parametrize("size", ["[0, 0]", "[-5, 3]", "[true, true]", f"[{10**400}, 3]"])
def test_sizes_that_are_none(size):
    message = refused(SMALL.replace("[4656, 3520]", size))
    assert "size: add width" in message or "bits means nothing" in message


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(", "no regular expression"),
        ("cam", "exactly one group"),
        ("(a)(b)", "exactly one group"),
        ("^(a+)+$", "may take for ever"),
        ("(a|a)*$", "may take for ever"),
        ("([12])" + "x" * 300, "may take for ever"),
    ],
)
def test_patterns_that_stop_or_break_a_night(pattern, told):
    message = refused(SMALL + CAMERAS % pattern)
    assert "camera_beams.filename: " in message
    assert told in message


def test_patterns_with_brackets_are_no_repeated_groups():
    for pattern in (r"cam([12])_.*\(x\)+\.fits", "[)*]([12])"):
        found = read_observatory(SMALL + CAMERAS % pattern, "home.yaml")
        assert "HOME-CCD" in found.instruments


def test_cycles_that_nothing_can_complete():
    for line in ("angles: []", "angles: [0, 0, 0, 0]", "min_angles: 400"):
        message = refused(SMALL + PLATE + line + "\n")
        assert "min_angles" in message
    assert "angles.0: " in refused(SMALL + PLATE + "angles: [.nan, 1, 2, 3]\n")
    one = "polarimeter: polaroids\npolaroids: {P0: 0}\nfilters: {P0: R}\n"
    assert "has 1 different" in refused(SMALL + one)


def test_declarations_that_hold_for_no_frame():
    for entry in ("[]", "{INSTRUME: []}", "{INSTRUME: a, from: 2025-01-01, until: 2024-01-01}"):
        text = SMALL.replace("recognise: {INSTRUME: ZWO ASI1600MM Pro}", f"recognise: {entry}")
        assert "recognise" in refused(text)
    assert "trim leaves nothing" in refused(SMALL + "trim: {left: 5000}\n")
    assert "bitpix.0" in refused(SMALL + "bitpix: [7]\n")
    assert "low_flat" in refused(SMALL + "low_flat: 5\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("HOME-CCD", "andort90"),
        ("HOME-C11", "osn-t090"),
        ("HOME-C11", "T090"),
        ("longitude:", "abbreviation: t090, longitude:"),
        ("longitude:", "abbreviation: OSN-T150, longitude:"),
    ],
)
def test_nothing_takes_the_name_of_what_a_package_brings(old, new):
    OBSERVATORIES.adopt((("home.yaml", SMALL.replace(old, new)),))
    try:
        assert "declared already by a package" in OBSERVATORIES.faults()["home.yaml"]
        assert get_instrument("AndorT90").telescopes == ("OSN-T090",)
    finally:
        OBSERVATORIES.adopt(None)


def test_two_files_that_differ_in_capitals_only():
    other = SMALL.replace("HOME-CCD", "home-ccd").replace("HOME-C11", "OTHER")
    OBSERVATORIES.adopt((("a.yaml", SMALL), ("b.yaml", other)))
    try:
        assert list(OBSERVATORIES.faults()) == ["b.yaml"]
        assert "declared already by a.yaml" in OBSERVATORIES.faults()["b.yaml"]
    finally:
        OBSERVATORIES.adopt(None)


def test_windows_begin_on_the_chip():
    found = read_observatory(SMALL, "home.yaml").instruments["HOME-CCD"]
    for value in (-1, 1e9, 1e300, 0.5, "abc"):
        with pytest.raises(BadFrame, match="XORGSUBF"):
            found.origin(reader_of({**HEADER, "XORGSUBF": value}))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("gain: 1.2", "gain: 1.2\ngain: 2.4", "gain is given twice; take one out"),
        ("longitude: -3.7", "longitude: 1:30", "longitude: input should be a valid number"),
        ("latitude: 40.4", "latitude: 40:24:00.5", "latitude: input should be a valid number"),
        (
            "gain: 1.2",
            "gain: 1.2\nfilters: {on: B}",
            "filters: on, off, yes and no are truth values",
        ),
        ("gain: 1.2", "gain: 1.2\nkeywords: {exptime: }", "exptime: nothing stands there"),
        ("gain: 1.2", "gain: 1.2\nkeywords: {exptime: []}", "keywords.exptime: add one at least"),
        ("recognise: {INSTRUME: ZWO ASI1600MM Pro}", "recognise: {}", "recognise: nothing tells"),
        ("recognise: {INSTRUME: ZWO ASI1600MM Pro}", "recognise: ZWO", "recognise: nothing tells"),
    ],
)
def test_slips_of_the_pen_are_told(old, new, told):
    assert old in SMALL
    with pytest.raises(ConfigError, match=re.escape(told)) as caught:
        read_observatory(SMALL.replace(old, new), "home.yaml")
    assert "home.yaml" in str(caught.value)
