"""What the mean of the stars of a field says of the instrument, and when it says nothing."""

from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.pipeline.groups import field_stars
from polarnight.pipeline.groups.outcome import GroupParameters
from polarnight.pipeline.groups.records import SourceRecord

ZERO = (0.012, -0.031)
NOISE = 0.002
NOTHING = np.zeros((2, 2))


SHARED = np.array([[0.0016**2, 0.0003**2], [0.0003**2, 0.0004**2]])


def result(star, rng, relative, shared):
    """A star that the instrument shows with its zero alone, as `measure_group` tells of it."""
    q, u = np.array(ZERO) + NOISE * rng.standard_normal(2)
    # The instrument turns by 45 degrees, q to u and u to -q, and sees 80 percent.
    cov = NOISE**2 * np.eye(2) + shared
    polarimetry = {
        "q_err_random": np.sqrt(cov[1, 1]) / 0.8,
        "u_err_random": np.sqrt(cov[0, 0]) / 0.8,
        "measured_cov": cov.tolist(),
        "aperture_losses_cov": shared.tolist(),
        "taken_off": {"zero_angle": 45.0, "efficiency": 0.8},
        "transparency": {"factor": [1.0], "field_polarization": 0.003 if relative else None},
    }
    values = dict.fromkeys(("q_err", "u_err", "p", "p_err", "chi", "chi_err"), 0.0)
    values |= {"q": (ZERO[1] - u) / 0.8, "u": (q - ZERO[0]) / 0.8, "q_nocorr": q, "u_nocorr": u}
    values |= {"flux_counts": 1e5, "flags": (), "evidence": {"polarimetry": polarimetry}}
    return SimpleNamespace(source=star, values=values)


@pytest.fixture
def measure(monkeypatch):
    def run(relative, shared=NOTHING):
        stars = [SourceRecord(n, f"star {n}", 10.0 + n / 100, 20.0) for n in range(1, 31)]
        rng = np.random.default_rng(4)
        measured = SimpleNamespace(
            results=[result(star.id, rng, relative, shared) for star in stars],
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


def test_what_the_stars_of_a_cycle_share_stays_in_the_error_of_their_mean(measure):
    """The losses of its frames: no number of stars makes them smaller."""
    found = measure(relative=False, shared=SHARED)
    own = NOISE**2 / 30
    assert found.measured.q_err == pytest.approx(np.sqrt(own + SHARED[0, 0]), rel=0.1)
    assert found.measured.u_err == pytest.approx(np.sqrt(own + SHARED[1, 1]), rel=0.1)
    assert found.corrected.q_err == pytest.approx(np.sqrt(own + SHARED[1, 1]) / 0.8, rel=0.1)
    assert found.corrected.u_err == pytest.approx(np.sqrt(own + SHARED[0, 0]) / 0.8, rel=0.1)
    assert found.measured.scatter < NOISE
    assert "cov" not in found.table.colnames
