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
