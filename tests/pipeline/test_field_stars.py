"""What the mean of the stars of a field says of the instrument, and when it says nothing."""

from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.pipeline.groups import field_stars
from polarnight.pipeline.groups.outcome import GroupParameters
from polarnight.pipeline.groups.records import SourceRecord

ZERO = (0.012, -0.031)
NOISE = 0.002


def result(star, rng, relative):
    """A star that the instrument shows with its zero alone, as `measure_group` tells of it."""
    q, u = np.array(ZERO) + NOISE * rng.standard_normal(2)
    sky = {"factor": [1.0], "field_polarization": 0.003 if relative else None}
    polarimetry = {"q_err_random": NOISE, "u_err_random": NOISE, "transparency": sky}
    values = dict.fromkeys(("q_err", "u_err", "p", "p_err", "chi", "chi_err"), 0.0)
    values |= {"q": q - ZERO[0], "u": u - ZERO[1], "q_nocorr": q, "u_nocorr": u}
    values |= {"flux_counts": 1e5, "flags": (), "evidence": {"polarimetry": polarimetry}}
    return SimpleNamespace(source=star, values=values)


@pytest.fixture
def measure(monkeypatch):
    def run(relative):
        stars = [SourceRecord(n, f"star {n}", 10.0 + n / 100, 20.0) for n in range(1, 31)]
        rng = np.random.default_rng(4)
        measured = SimpleNamespace(
            results=[result(star.id, rng, relative) for star in stars],
            apertures=[SimpleNamespace(source=s.id, frame=7, x_px=1.0, y_px=2.0) for s in stars],
            refused=(),
        )
        monkeypatch.setattr(field_stars, "load_frame", lambda ref: None)
        monkeypatch.setattr(field_stars, "_stars", lambda *_: stars)
        monkeypatch.setattr(field_stars, "measure_group", lambda *_: measured)
        return field_stars.measure_field_stars([SimpleNamespace(id=7)], GroupParameters())

    return run


def test_the_mean_of_unpolarized_stars_is_the_zero_of_the_instrument(measure):
    found = measure(relative=False)
    assert not found.relative
    assert found.measured.q == pytest.approx(ZERO[0], abs=4 * found.measured.q_err)
    assert found.measured.u == pytest.approx(ZERO[1], abs=4 * found.measured.u_err)
    assert found.measured.q_err == pytest.approx(NOISE / np.sqrt(30), rel=0.3)


def test_stars_compared_with_their_own_mean_have_none(measure):
    """Behind polaroids and clouds it would be the zero that was assumed, with a small error."""
    found = measure(relative=True)
    assert found.relative
    assert found.measured is None
    assert found.corrected is None
    assert len(found.table) == 30
