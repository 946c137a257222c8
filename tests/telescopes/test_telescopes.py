"""Sites, names and nights of the telescopes."""

import pytest

from polarnight.errors import ConfigError
from polarnight.telescopes import all_telescopes, get_telescope


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
