"""Arrays of a light curve are what the database holds."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.errors import ConfigError


def fetched(star, **changes):
    from polarnight.web.plots.query import Selection, fetch

    return fetch(Selection(star, **changes))


def test_points_in_order_of_time(star, django_assert_num_queries):
    from django.db import connection

    from polarnight.db import PhotoPolResult

    # The cursor that PostgreSQL sends binary numbers to is not Django's, which counts.
    with django_assert_num_queries(3 if connection.vendor == "sqlite" else 2):
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


def test_a_thousand_values_are_those_of_the_rows(star):
    """Numbers, their absence, large keys and names beyond ASCII come as the ORM gives them."""
    from polarnight.db import PhotoPolResult
    from polarnight.web.plots.reading import read_columns

    first = PhotoPolResult.objects.first()
    rng = np.random.default_rng(3)
    PhotoPolResult.objects.bulk_create(
        PhotoPolResult(
            id=2**40 + n, identity=f"more{n}", epoch=first.epoch, astrosource=star,
            reduction="relphot", instrument=("ÄndorT90", "DIPOL")[n % 2], obsmode="PHOTOMETRY",
            band="RV"[n // 2 % 2], juliandate=2459841.5 + rng.random(),
            mag=None if n % 7 == 0 else float(rng.normal(13, 4)), p=-0.0 if n % 5 else 1e-300,
        )
        for n in range(1000)
    )  # fmt: skip
    rows = PhotoPolResult.objects.filter(astrosource=star, band__in=["R", "V"])
    read = read_columns(
        rows,
        integers={"key": "pk", "set": "human_set"},
        numbers={"mag": "mag", "again": "mag", "p": "p", "empty": "mag_limit"},
        texts=("instrument", "band"),
    )
    assert read.texts == (
        ("AndorT90", "R"), ("DIPOL", "R"), ("DIPOL", "V"), ("ÄndorT90", "R"), ("ÄndorT90", "V")
    )  # fmt: skip
    order = np.argsort(read.values["key"])
    wanted = rows.order_by("pk").values_list("pk", "human_set", "mag", "mag", "p", "mag_limit")
    for values, column in zip(zip(*wanted, strict=True), read.values.values(), strict=True):
        np.testing.assert_array_equal(column[order], np.array(values, column.dtype))
    told = [read.texts[code] for code in read.code[order]]
    assert told == list(rows.order_by("pk").values_list("instrument", "band"))


def test_a_filter_that_nothing_passes(star):
    from polarnight.db import PhotoPolResult
    from polarnight.web.plots.reading import read_columns

    none = PhotoPolResult.objects.filter(pk__in=[])
    read = read_columns(none, integers={"pk": "pk"}, numbers={"mag": "mag"}, texts=("band",))
    assert (len(read.code), read.texts, len(read.values["mag"])) == (0, (), 0)
