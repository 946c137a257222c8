"""Pictures of light curves: what stands in the legend, and that it covers no point."""

import numpy as np
import pytest
from astropy.table import Table

from polarnight.photometry.curves import MEASUREMENTS, lightcurve
from polarnight.pipeline.lightcurves.plot import plot_lightcurve


@pytest.mark.parametrize("instruments", [("A",), ("A", "B")])
@pytest.mark.parametrize("limits", [False, True])
def test_the_legend_names_instruments_and_limits(instruments, limits):
    n = 6
    rows = Table({name: np.full(n, np.nan) for name in MEASUREMENTS})
    rows["jd_utc"] = rows["bjd_tdb"] = 2459841.5 + np.arange(n)
    rows["mag"], rows["mag_err"] = 13.0 + 0.1 * np.arange(n), 0.02
    if limits:
        rows["mag"][-1], rows["mag_limit"][-1] = np.nan, 15.0
    rows["instrument"] = [instruments[k % len(instruments)] for k in range(n)]
    for name in ("night", "telescope", "flags", "debias"):
        rows[name] = [""] * n
    figure = plot_lightcurve(lightcurve(rows))
    names = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert names == [*(instruments if len(instruments) > 1 else ()), *(["limit"] * limits)]
    assert figure.axes[0].get_legend() is None
    assert figure.axes[0].yaxis_inverted()


@pytest.fixture
def turning():
    """Return measurements of angles that pass north twice, and one that is not significant."""
    chi = np.array([170.0, 175.0, 179.0, 3.0, 8.0, 90.0, 2.0, 178.0])
    n = len(chi)
    rows = Table({name: np.full(n, np.nan) for name in MEASUREMENTS})
    rows["jd_utc"] = rows["bjd_tdb"] = 2459841.5 + np.arange(n)
    rows["p"], rows["p_err"], rows["chi"], rows["chi_err"] = 0.1, 0.005, chi, 1.4
    rows["p"][5], rows["p_limit95"][5] = 0.002, 0.012
    rows["instrument"] = ["A", "B"] * (n // 2)
    for name in ("night", "telescope", "flags", "debias"):
        rows[name] = [""] * n
    return rows


def drawn(figure):
    """Return times and angles of the panel of chi, of all instruments, in order of time."""
    figure.draw_without_rendering()
    points = np.hstack([bars[0].get_xydata().T for bars in figure.axes[1].containers])
    return points[:, np.argsort(points[0])]


@pytest.mark.parametrize(
    ("first", "angles", "ticks"),
    [
        # Turned so that the middle one of the points is within 0 to 180 degrees.
        (0, [170.0, 175.0, 179.0, 183.0, 188.0, 182.0, 178.0], {175.0: "175", 185.0: "5"}),
        (2, [-1.0, 3.0, 8.0, 2.0, -2.0], {-2.0: "178", 4.0: "4"}),
    ],
)
def test_angles_that_pass_north_do_not_jump(turning, first, angles, ticks):
    curve = lightcurve(turning[first:], kind="p")
    figure = plot_lightcurve(curve)
    x, chi = drawn(figure)
    np.testing.assert_allclose(chi, angles)
    np.testing.assert_allclose(np.diff(x), np.diff(np.delete(np.arange(8.0), 5)[first:]))
    axes = figure.axes[1]
    assert axes.get_ylabel() == "chi (deg, modulo 180)"
    texts = [text.get_text() for text in axes.get_yticklabels()]
    told = dict(zip(axes.get_yticks().tolist(), texts, strict=True))
    assert {place: told[place] for place in ticks} == ticks
    # The light curve itself keeps angles as they are defined.
    assert curve["chi"].value.min() == 2.0
    assert curve["chi"].value.max() == 179.0


def test_angles_that_pass_no_north_are_drawn_as_they_are(turning):
    turning["chi"] = np.linspace(20.0, 160.0, len(turning))
    figure = plot_lightcurve(lightcurve(turning, kind="p"))
    np.testing.assert_allclose(drawn(figure)[1], np.delete(turning["chi"], 5))
    assert figure.axes[1].get_ylabel() == "chi (deg)"
    turning["p_limit95"] = 0.2
    assert drawn(plot_lightcurve(lightcurve(turning, kind="p"))).size == 0
