"""The fluxes of a result give its numbers again; what is otherwise now is told."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.diagnostics.cycles import cycle_of
from polarnight.pipeline.diagnostics.modulation import plot_modulation

Q, U, ANGLES = 0.03, -0.02, (0.0, 22.5, 45.0, 67.5)  # of the fixture


def test_every_method_gives_what_was_put_in(make_result):
    cycle = cycle_of(make_result())
    assert cycle.own.name == "fit without beam gain"
    assert cycle.differs == ""
    assert cycle.files == tuple(f"caf-{n}.fits" for n in range(4))
    assert len(cycle.methods) == 5
    for method in cycle.methods:
        # CAFOS counts the angles of its plate as they are.
        assert np.hypot(method.stokes.q, method.stokes.u) == pytest.approx(np.hypot(Q, U))
    on_sky = cycle.on_sky(cycle.own.stokes)
    # Behind optics of q0 = 0.01; a diattenuator along q, turned round.
    expected = np.hypot(Q - 0.01, np.sqrt(1 - 0.01**2) * U) / (1 - 0.01 * Q)
    assert on_sky.p_naive == pytest.approx(expected)


def test_what_is_kept_and_no_longer_follows_is_told(make_result):
    assert "q 3.000 % is now, 5.000 % is kept" in cycle_of(make_result(q_nocorr=0.05)).differs


def test_a_method_that_is_gone_is_told(make_result):
    cycle = cycle_of(make_result(pol_method="by eye"))
    assert cycle.own is None
    assert "'by eye', cannot be applied now" in cycle.differs


def test_losses_and_clouds_are_divided_out(make_result):
    sky = {"factor": [1.0, 0.5, None, 2.0], "error": [0.0, 0.0, None, 0.0]}
    evidence = {"polarimetry": {"transparency": sky}}
    fluxes = cycle_of(make_result(evidence=evidence)).fluxes
    turn = np.radians(4.0 * np.array(ANGLES))
    ordinary = 5e4 * (1 - Q * np.cos(turn) - U * np.sin(turn))
    expected = ordinary / np.array([1.0, 0.5, np.nan, 2.0])
    assert fluxes.flux["O"] == pytest.approx(expected, nan_ok=True)


def test_the_picture_shows_points_curves_and_residuals(make_result):
    cycle = cycle_of(make_result(gain=1.1))
    figure = plot_modulation(cycle, title="a $tar")
    above, below = figure.axes
    words = [text.get_text() for text in above.get_legend().get_texts()]
    assert "fit without beam gain (the result)" in words
    assert "ratios" in words
    assert figure.get_suptitle().startswith(r"a \$tar")
    own = next(m for m in cycle.methods if m is cycle.own)
    drawn = [line.get_ydata() for line in below.get_lines() if len(line.get_ydata()) == 4]
    assert any(np.allclose(values, 100 * own.residuals) for values in drawn)
    alone = plot_modulation(cycle, all_methods=False)
    assert len(alone.axes[0].get_legend().get_texts()) == 1


def test_what_cannot_be_shown_says_why(make_result):
    result = make_result()
    result.aperphotresults.clear()
    with pytest.raises(AlgorithmFailed, match="no longer in the database"):
        cycle_of(result)
    result.reduction = "relphot"
    with pytest.raises(AlgorithmFailed, match="only polarimetry has a modulation"):
        cycle_of(result)
