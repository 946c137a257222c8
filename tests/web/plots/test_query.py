"""Arrays of a light curve are what the database holds."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.errors import ConfigError


def fetched(star, **changes):
    from polarnight.web.plots.query import Selection, fetch

    return fetch(Selection(star, **changes))


def test_points_in_order_of_time(star, django_assert_num_queries):
    from polarnight.db import PhotoPolResult

    with django_assert_num_queries(1):
        curve = fetched(star)
    points = curve.points
    assert list(points["mjd"]) == [59841.0 + n for n in range(6)]
    for point in points:
        row = PhotoPolResult.objects.get(pk=point["pk"])
        assert point["flags"] == row.flags
        for name in ("mag", "mag_err", "chi_err", "q", "q_err", "u", "u_err"):
            assert point[name] == getattr(row, name) or np.isnan(point[name]), name
    assert curve.series == (("AndorT90", "R"), ("DIPOL", "V"))
    assert list(curve.code) == [0, 1, 0, 0, 0, 0]


def test_limits_stand_for_values(star):
    points = fetched(star).points
    assert np.flatnonzero(np.isfinite(points["mag_limit"])).tolist() == [2]
    assert np.flatnonzero(np.isfinite(points["p_limit"])).tolist() == [3]
    assert np.isnan(points["p"][3])
    assert np.isnan(points["chi"][3])
    assert np.isnan(points["mag"][2])
    assert (points["p_low"][0], points["p_high"][0]) == (0.09, 0.12)


def test_naive_and_corrected(star):
    naive = fetched(star, naive=True).points
    assert naive["p"].tolist() == [0.11] * 6
    assert naive["p_low"][0] == pytest.approx(0.10)
    assert not np.isfinite(naive["p_limit"]).any()
    corrected = fetched(star, corrected=True).points
    assert (corrected["mag"][0], corrected["mag_err"][0]) == (13.5, 0.03)
    assert corrected["p"][0] == 0.2
    assert corrected["p_high"][0] == pytest.approx(0.25)


def test_window_bands_filters(star):
    from polarnight.web.tables.filters import parse_filters

    assert fetched(star, start=59841.5, end=59843.0).points["mjd"].tolist() == [59842.0, 59843.0]
    assert len(fetched(star, bands=["V"]).points) == 1
    assert len(fetched(star, filters=parse_filters(["flags:has:BAD_POLARIMETRY"])).points) == 1
    empty = fetched(star, bands=["I"])
    assert len(empty.points) == 0
    assert empty.series == ()
    with pytest.raises(ConfigError, match="the window from MJD 2 to 1 is empty"):
        fetched(star, start=2, end=1)
