"""The data file of an instrument: what is wrong in it is named; dates choose entries."""

import pytest

from polarnight.errors import ConfigError
from polarnight.instruments.declaration import read_declaration, valid_entry
from polarnight.instruments.declared import DeclaredInstrument

MINIMAL = """
name = "Test"
telescopes = ["OSN-T090"]
pixel_scale = 0.5
field_arcmin = 10.0
recognise = { INSTRUME = ["Test"] }
keywords = { image_type = ["IMAGETYP"], exptime = ["EXPTIME"], jd = ["JD"] }
image_types = { LIGHT = "LIGHT" }

[[detector]]
from = "2020-01-01"
gain = 2.0
read_noise = 5.0
saturation = 60000.0
nonlinear = 50000.0

[[detector]]
from = "2022-06-01"
gain = 3.0
read_noise = 6.0
saturation = 60000.0
nonlinear = 50000.0

[[instrumental_polarization]]
q0 = 0.01

[[instrumental_polarization]]
bands = ["V"]
q0 = 0.02
"""


@pytest.fixture
def write(tmp_path):
    def writer(text):
        path = tmp_path / "test.toml"
        path.write_text(text)
        return path

    return writer


@pytest.mark.parametrize(
    ("night", "gain"),
    [("2021-01-01", 2.0), ("2022-05-31", 2.0), ("2022-06-01", 3.0), ("2019-01-01", 2.0), (None, 3)],
)
def test_detector_by_date(write, night, gain):
    assert DeclaredInstrument(write(MINIMAL)).detector(night).gain == gain


def test_polarization_by_band(write):
    instrument = DeclaredInstrument(write(MINIMAL))
    assert instrument.instrumental_polarization("V").q0 == 0.02
    assert instrument.instrumental_polarization("R").q0 == 0.01


def test_no_polarization_declared_says_so(write):
    text = MINIMAL.split("[[instrumental_polarization]]")[0]
    ip = DeclaredInstrument(write(text)).instrumental_polarization("R")
    assert (ip.q0, ip.u0, ip.efficiency) == (0.0, 0.0, 1.0)
    assert "none declared for Test in R" in ip.origin


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("pixel_scale = 0.5", "pixel_scale = -1", "pixel_scale"),
        ("pixel_scale = 0.5", "", "pixel_scale"),
        ("pixel_scale = 0.5", "pixel_scale = 0.5\npixelscale = 1", "pixelscale"),
        ('LIGHT = "LIGHT"', 'LIGHT = "LIHGT"', "image_types"),
        ("gain = 2.0", "gain = 0.0", "gain"),
        ("name =", "name", "test.toml"),
        ("[[detector]]", "pair = { dx = 1.0 }\n[[detector]]", "dy"),
    ],
)
def test_wrong_files_are_refused_by_key(write, old, new, words):
    with pytest.raises(ConfigError, match=r"test\.toml") as caught:
        read_declaration(write(MINIMAL.replace(old, new, 1)))
    assert words in str(caught.value)


def test_valid_entry_takes_dates_and_text(write):
    from datetime import date

    entries = read_declaration(write(MINIMAL)).detector
    assert valid_entry(entries, date(2023, 1, 1)) is valid_entry(entries, "2023-01-01")


PAIR = "[pair]\ndx = -20.0\ndy = 0.0\nsx = 1.0\nsy = 1.0\n"


@pytest.mark.parametrize(
    ("kind", "period"), [("polaroids", 180), ("half-wave plate", 360), ("quarter-wave plate", 360)]
)
def test_the_polarimeter_says_after_which_angle_all_repeats(write, kind, period):
    assert DeclaredInstrument(write(f'polarimeter = "{kind}"' + MINIMAL)).angle_period == period


def test_where_the_beams_are(write):
    assert DeclaredInstrument(write(MINIMAL)).beams == "one"
    assert DeclaredInstrument(write(MINIMAL + PAIR)).beams == "image"
    assert DeclaredInstrument(write('beams = "cameras"' + MINIMAL)).beams == "cameras"


def test_traits_are_what_the_file_says(write):
    plain = DeclaredInstrument(write(MINIMAL))
    assert (plain.angle_sense, plain.windows, plain.flat_in_windows) == (1, False, True)
    assert (plain.trusted_wcs, plain.pairs_always) == (False, False)
    text = "angle_sense = -1\nwindows = true\nflat_in_windows = false\ntrusted_wcs = true\n"
    other = DeclaredInstrument(write(text + "pairs_always = true" + MINIMAL + PAIR))
    assert (other.angle_sense, other.windows, other.flat_in_windows) == (-1, True, False)
    assert (other.trusted_wcs, other.pairs_always) == (True, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('beams = "image"' + MINIMAL, "a pair is two beams on one image"),
        ('beams = "cameras"' + MINIMAL + PAIR, "a pair is two beams on one image"),
        ("pairs_always = true" + MINIMAL, "no pair"),
        ("angle_sense = 2" + MINIMAL, "angle_sense"),
        ('polarimeter = "prism"' + MINIMAL, "polarimeter"),
        ('pointing_equinoxes = ["B1950"]' + MINIMAL, "pointing_equinoxes"),
    ],
)
def test_traits_that_contradict_each_other(write, text, words):
    with pytest.raises(ConfigError, match=r"test\.toml") as caught:
        read_declaration(write(text))
    assert words in str(caught.value)


HEADER = {
    "NAXIS": 2, "BITPIX": 16, "NAXIS1": 100, "NAXIS2": 80, "TELESCOP": "T90-OSN",
    "INSTRUME": "Test", "IMAGETYP": "LIGHT", "EXPTIME": 10.0, "JD": 2459841.46187, "PA": 33.0,
}  # fmt: skip


class InBand(DeclaredInstrument):
    def band(self, reader, imgtype):
        return "R"


def test_the_rotator_turns_the_instrument(write):
    fixed = InBand(write(MINIMAL)).classify(HEADER, "a.fits")
    assert (fixed.instrument_angle, fixed.beam) == (None, "")
    text = MINIMAL.replace('["EXPTIME"]', '["EXPTIME"], instrument_angle = ["PA"]')
    assert InBand(write(text)).classify(HEADER, "a.fits").instrument_angle == 33.0


def test_pairs_always_show_in_photometry(write):
    assert not InBand(write(MINIMAL + PAIR)).classify(HEADER, "a.fits").has_pairs
    always = InBand(write("pairs_always = true" + MINIMAL + PAIR))
    assert always.classify(HEADER, "a.fits").has_pairs
