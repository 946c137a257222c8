"""Finding sources, what was last seen of them, exposures, and what may be wrong with one."""

from __future__ import annotations

import pytest

from polarnight.db import AstroSource, Epoch, PhotoPolResult
from polarnight.db.catalogue_file import SourceEntry
from polarnight.errors import ConfigError
from polarnight.web.catalogue.checking import warnings_of
from polarnight.web.catalogue.exposures import recommend
from polarnight.web.catalogue.latest import last_seen
from polarnight.web.catalogue.searching import parse_position, search_sources
from polarnight.web.catalogue.sketch import sketch


def make_result(source, night, jd, **more):
    values = {
        "identity": f"{source.pk}|{jd}|{more.get('band', 'R')}",
        "epoch": Epoch.create(f"OSN-T090/{night}"), "astrosource": source,
        "reduction": "relphot", "instrument": "AndorT90",
        "obsmode": "PHOTOMETRY", "band": "R", "juliandate": jd,
    }  # fmt: skip
    return PhotoPolResult.objects.create(**{**values, **more})


@pytest.fixture
def catalogue(db):
    """Two targets and a calibrator of the first."""
    make = AstroSource.objects.create
    bl = make(
        name="2200+420", other_names="BL Lac; BLLac", ra_hms="22:02:43.29", dec_dms="+42:16:39.9"
    )
    mrk = make(name="Mrk 421", ra_hms="11:04:27.3", dec_dms="+38:12:32", srctype="blazar")
    star = make(name="BLLac-C", ra_hms="22:02:45.0", dec_dms="+42:17:30")
    star.calibrates.add(bl)
    return bl, mrk, star


def names(rows):
    return [row.name for row in rows]


def test_calibrators_are_left_out_unless_asked(catalogue):
    assert names(search_sources()) == ["2200+420", "Mrk 421"]
    assert names(search_sources(kind="calibrators")) == ["BLLac-C"]
    assert names(search_sources(kind="all", sort="-name")) == ["Mrk 421", "BLLac-C", "2200+420"]


@pytest.mark.parametrize("text", ["bl lac", "BLLAC", "2200+420", "220042", "lac"])
def test_names_fit_whatever_their_spaces_and_signs(catalogue, text):
    assert names(search_sources(text)) == ["2200+420"]


@pytest.mark.parametrize("text", ["%", "_", "' OR 1=1 --", "\\", "x" * 5000, "🌌"])
def test_odd_texts_find_nothing(catalogue, text):
    assert names(search_sources(text)) == []


def test_a_cone_is_ordered_by_distance(catalogue):
    near = "22:02:43.29 +42:16:39.9"
    assert names(search_sources(near=near, radius=2, kind="all")) == ["2200+420", "BLLac-C"]
    assert names(search_sources(near=near, radius=0.5, kind="all")) == ["2200+420"]
    assert names(search_sources("lac-c", near=near, radius=2, kind="all")) == ["BLLac-C"]


@pytest.mark.parametrize(
    "text",
    [
        "22:02:43.29 +42:16:39.9", "22 02 43.29 +42 16 39.9", "22h02m43.29s, +42d16m39.9s",
        "330.680375 42.277750", "330.680375+42.277750", "22:02:43.29+42:16:39.9",
        "22 02 43.29 42 16 39.9",
    ],
)  # fmt: skip
def test_positions(text):
    assert parse_position(text) == pytest.approx((330.680375, 42.27775), abs=1e-6)


@pytest.mark.parametrize(
    "text", ["", "x", "22:02:43", "1 2 3", "400 10", "10 95", "10, ", "-5 -5 -5"]
)
def test_no_positions(text):
    with pytest.raises(ConfigError):
        parse_position(text)


@pytest.mark.parametrize(
    "asked",
    [{"kind": "x"}, {"sort": "ra; DROP"}, {"near": "1 1", "radius": -1},
     {"near": "1 1", "radius": float("nan")}, {"sort": "--name"}],
)  # fmt: skip
def test_nonsense_is_refused(catalogue, asked):
    with pytest.raises(ConfigError):
        search_sources(**asked)


def test_last_seen_is_the_mean_of_the_last_night_in_r(catalogue, django_assert_num_queries):
    bl, mrk, _ = catalogue
    make_result(bl, "2022-09-17", 2459840.5, mag=10.0, mag_err=0.01)
    make_result(bl, "2022-09-18", 2459841.5, mag=14.0, mag_err=0.1)
    make_result(bl, "2022-09-18", 2459841.6, mag=14.3, mag_err=0.2)
    make_result(bl, "2022-09-18", 2459841.65, mag=9.0, mag_err=0.001,
                machine_flags=PhotoPolResult.Flags.BAD_PHOTOMETRY)  # fmt: skip
    make_result(bl, "2022-09-19", 2459842.5, band="V", mag=15.0, mag_err=0.1)
    make_result(mrk, "2022-09-18", 2459841.7, mag=12.5, mag_err=None)
    with django_assert_num_queries(2):
        seen = last_seen(catalogue)
    assert seen[bl.pk].when.isoformat()[:16] == "2022-09-20T00:00"
    assert seen[bl.pk].mag == pytest.approx((14.0 * 100 + 14.3 * 25) / 125)
    assert seen[bl.pk].mag_err == pytest.approx(125**-0.5)
    assert seen[bl.pk].night.isoformat() == "2022-09-18"
    assert (seen[mrk.pk].mag, seen[mrk.pk].mag_err) == (12.5, None)
    assert seen[catalogue[2].pk].when is None


def test_order_by_last_seen_puts_the_unseen_last(catalogue):
    bl, mrk, _ = catalogue
    make_result(bl, "2022-09-17", 2459840.5)
    assert names(search_sources(sort="-last")) == ["2200+420", "Mrk 421"]
    assert names(search_sources(sort="last")) == ["2200+420", "Mrk 421"]
    make_result(mrk, "2022-09-18", 2459841.5)
    assert names(search_sources(sort="-last")) == ["Mrk 421", "2200+420"]


@pytest.mark.parametrize(
    ("mag", "expected"),
    # By hand, t0 = 2.198e-11 * 10**(0.8 R): 3.48, 34.8, 87.5, 220, 552, 1387, 2198 s
    [
        (14.0, (60, 60, 20, 8)),
        (15.25, (150, 60, 50, 4)),
        (15.75, (150, 150, 100, 1)),
        (16.25, (300, 150, 230, 1)),
        (16.75, (600, 300, 300, 1)),
        (17.25, (None, 600, 300, 1)),
        (17.5, (None, 600, None, 1)),
    ],
)
def test_exposures(mag, expected):
    advice = recommend(mag)
    assert (advice.andor90, advice.andor150, advice.dipol, advice.repeats) == expected


@pytest.mark.parametrize("mag", [None, float("nan"), float("inf"), 1e9])
def test_no_exposure_without_a_magnitude(mag):
    assert recommend(mag) is None


def entry(**more):
    return SourceEntry(**{"name": "new", "ra_hms": "10:00:00", "dec_dms": "+10:00:00", **more})


def test_warnings(catalogue):
    bl, _, star = catalogue
    assert warnings_of(entry()) == []
    (near,) = warnings_of(entry(ra_hms="22:02:43.29", dec_dms="+42:16:42.0"))
    assert near.startswith("2200+420 is 2.1″ away")
    assert warnings_of(entry(ra_hms="22:02:43.29", dec_dms="+42:16:43.0")) == []
    (same,) = warnings_of(entry(other_names="bl-lac"))
    assert "is a name of 2200+420 too" in same
    own = entry(name="2200+420", other_names="BL Lac", ra_hms=bl.ra_hms, dec_dms=bl.dec_dms)
    assert warnings_of(own, bl) == []
    make_result(bl, "2022-09-17", 2459840.5)
    (moved,) = warnings_of(entry(name="2200+420", ra_hms=bl.ra_hms, dec_dms="+42:17:39.9"), bl)
    assert "moves by 60″, and has 1 results" in moved
    assert star.name == "BLLac-C"


def test_the_sketch_shows_the_commonest_band(catalogue):
    bl, mrk, _ = catalogue
    for i in range(900):
        make_result(bl, "2022-09-17", 2459840.5 + i / 1000, mag=14 + i / 900, band="R")
    make_result(bl, "2022-09-17", 2459840.5, mag=1.0, band="V")
    text = str(sketch(bl))
    assert "R magnitudes of 2200+420, 900 points" in text
    assert 200 < text.count("<circle") <= 400
    assert sketch(mrk) is None
    make_result(mrk, "2022-09-17", 2459840.5, mag=14.0)
    assert str(sketch(mrk)).count("<circle") == 1


def test_the_sketch_does_not_blow_up_noise(catalogue):
    bl, _, _ = catalogue
    for n, mag in enumerate((14.000, 14.002)):
        make_result(bl, "2022-09-17", 2459840.5 + n / 100, mag=mag)
    text = str(sketch(bl))
    assert ">13.95<" in text
    assert ">14.05<" in text
    assert "MJD 59840.0000" in text
