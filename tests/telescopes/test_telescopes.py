"""Sites, names and nights of the telescopes."""

import math

import pytest

from polarnight.errors import ConfigError
from polarnight.instruments.times import jd_from_isot
from polarnight.telescopes import Telescope, all_telescopes, get_telescope


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("OSN-T090", "OSN-T090"),
        ("T090", "OSN-T090"),
        ("t090", "OSN-T090"),
        ("CAHA-T220", "CAHA-T220"),
        (" T220 ", "CAHA-T220"),
        ("T150", "OSN-T150"),
        ("tng", "TNG"),
    ],
)
def test_telescope_by_name_or_abbreviation(name, full):
    assert get_telescope(name).name == full


def test_unknown_telescope_is_named_with_those_installed():
    with pytest.raises(ConfigError, match=r"'T999'.*CAHA-T220 \(T220\).*OSN-T090 \(T090\)"):
        get_telescope("T999")


def test_names_of_plugins_are_those_of_the_telescopes():
    assert all(name == t.name for name, t in all_telescopes().items())


@pytest.mark.parametrize(
    ("name", "longitude", "latitude", "height"),
    [
        ("T090", -3.3847, 37.0642, 2896.0),
        ("T220", -2.5463, 37.2236, 2168.0),
        ("T150", -3.3847, 37.0642, 2896.0),
        ("TNG", -17.8892, 28.7540, 2387.0),
    ],
)
def test_sites(name, longitude, latitude, height):
    site = get_telescope(name)
    assert (site.longitude, site.latitude, site.height) == (longitude, latitude, height)


@pytest.mark.parametrize(
    ("jd", "night"),
    [
        (2459841.46187, "2022-09-18"),  # 23:05 UT
        (2459841.7, "2022-09-18"),  # 04:48 UT of the 19th
        (2459842.0, "2022-09-18"),  # 12:00 UT of the 19th is before local noon (12:13 UT)
        (2459842.01, "2022-09-19"),  # 12:14 UT is after it
    ],
)
def test_a_night_runs_from_noon_to_noon(jd, night):
    assert get_telescope("T090").night_of(jd).isoformat() == night


def test_longitudes_counted_to_360_are_west():
    hilo = Telescope("X", "X", (), 204.5, 19.8, 4200.0)
    assert hilo.longitude == -155.5
    # 22 h of local time on the first of March.
    assert hilo.night_of(jd_from_isot("2025-03-02T08:22:00")).isoformat() == "2025-03-01"


@pytest.mark.parametrize(
    ("longitude", "latitude", "told"),
    [
        (1000.0, 0.0, "longitude = 1000.0: give degrees from -180 to 360"),
        (math.nan, 0.0, "longitude = nan"),
        ("12 E", 0.0, "longitude = '12 E'"),
        (0.0, 91.0, "latitude = 91.0: give degrees from -90 to 90"),
    ],
)
def test_places_that_are_none(longitude, latitude, told):
    with pytest.raises(ConfigError, match=f"the telescope X: {told}"):
        Telescope("X", "X", (), longitude, latitude, 0.0)
