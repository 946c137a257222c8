"""What thinning keeps, for any light curve."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

FINITE = st.floats(-1e6, 1e6)


def curve_of(time, mag, code, flags):
    from polarnight.web.plots.query import DTYPE, Curve

    points = np.zeros(len(time), DTYPE)
    for name in points.dtype.names[4:]:
        if points.dtype[name].kind == "f":
            points[name] = np.nan
    points["mjd"], points["mag"], points["flags"] = time, mag, flags
    return Curve(points, np.asarray(code, "i2"), (("A", "R"), ("B", "R")))


@st.composite
def curves(draw):
    n = draw(st.integers(1, 400))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    time = np.sort(rng.choice([rng.uniform(0, 1000, n), rng.integers(0, 3, n).astype(float)]))
    mag = rng.normal(15, 1, n)
    mag[rng.random(n) < 0.1] = np.nan
    mag[rng.integers(n)] = 99.0
    return curve_of(time, mag, rng.random(n) < 0.1, np.where(rng.random(n) < 0.05, 2, 0))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=300), st.integers(4, 60))
def test_thin(pairs, most):
    from polarnight.web.plots.decimate import thin

    time, value = np.array(sorted(pairs)).T
    kept = thin(time, value, most)
    assert kept.sum() <= most or len(time) <= most
    if len(time) <= most:
        assert kept.all()
    assert kept[0]
    assert kept[-1]
    assert {value.min(), value.max()} <= set(value[kept])


@settings(deadline=None, max_examples=100)
@given(curves(), st.integers(20, 300))
def test_decimate(curve, most):
    from polarnight.web.plots.decimate import decimate

    done = decimate(curve, most, (2,))
    n = len(curve.points)
    assert done.total == n
    assert done.hidden == n - done.kept.sum()
    if n <= most:
        assert done.kept.all()
    mag, state = curve.points["mag"], curve.points["flags"] & 2
    for series in (0, 1):
        for bad in (0, 2):
            own = (curve.code == series) & (state == bad) & np.isfinite(mag)
            if own.any():  # extremes of every series and state, ends in time
                shown = mag[own & done.kept]
                assert (shown.min(), shown.max()) == (mag[own].min(), mag[own].max())
                assert done.kept[np.flatnonzero(own)[[0, -1]]].all()


def test_gaps_and_outliers_stay():
    from polarnight.web.plots.decimate import decimate

    rng = np.random.default_rng(1)
    time = np.sort(np.r_[rng.uniform(0, 100, 50000), rng.uniform(300, 400, 50000)])
    mag = 15 + np.sin(time / 9) + rng.normal(0, 0.01, time.size)
    mag[[777, 66666]] = 9.0, 21.0
    flags = np.where(np.arange(time.size) % 100 == 0, 2, 0)
    done = decimate(curve_of(time, mag, np.zeros(time.size), flags), 2000, (2,))
    shown = time[done.kept]
    assert 1000 <= done.kept.sum() <= 2000
    assert done.kept[[777, 66666]].all()
    assert not ((shown > 100) & (shown < 300)).any()
    assert shown[shown < 200].max() > 99.5
    assert shown[shown > 200].min() < 300.5
    share = (flags[done.kept] == 2).mean()
    assert 0.003 < share < 0.05  # of 1 %
