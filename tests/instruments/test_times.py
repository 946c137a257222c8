"""Julian dates from header texts, against astropy."""

import pytest
from astropy.time import Time

from polarnight.instruments.times import isot_from_jd, jd_from_isot


@pytest.mark.parametrize(
    "text",
    [
        "2021-03-28T23:09:33",
        "2024-02-29T00:00:00.125",
        "1999-12-31T23:59:59.9",
        "2025-09-13 21:43:38",
    ],
)
def test_jd_agrees_with_astropy(text):
    assert jd_from_isot(text) == pytest.approx(Time(text, scale="utc").jd, abs=1e-9)


def test_dates_with_slashes():
    assert jd_from_isot("2016/06/06", 43200.0) == jd_from_isot("2016-06-06T12:00:00")
    with pytest.raises(ValueError, match="no ISO date"):
        jd_from_isot("2016/06-06", 0.0)
    with pytest.raises(ValueError, match="no ISO date"):
        jd_from_isot("06/06/2016", 0.0)


def test_there_and_back():
    assert isot_from_jd(jd_from_isot("2021-03-28T23:09:33.250")) == "2021-03-28T23:09:33.250"
    assert isot_from_jd(jd_from_isot("2021-03-28T23:59:59.999"), digits=0) == "2021-03-29T00:00:00"


@pytest.mark.parametrize("text", ["", "2021-02-30T00:00:00", "2021-03-28", "2021-03-28T25:00:00"])
def test_no_dates(text):
    with pytest.raises(ValueError, match=r"day|date|range"):
        jd_from_isot(text)


@pytest.mark.parametrize(
    "text", ["2025-03-01T22:30:00Z", "2025-03-01T22:30:00+00:00", "2025-03-01t22:30:00-0000"]
)
def test_a_zone_that_is_utc(text):
    assert jd_from_isot(text) == jd_from_isot("2025-03-01T22:30:00")


def test_another_zone_is_refused():
    with pytest.raises(ValueError, match="is no ISO date"):
        jd_from_isot("2025-03-01T22:30:00+01:00")
