"""Clouds of a magnitude between the exposures of a cycle: still right, from the raw frames."""

import numpy as np
import pytest
from closed_loop import literature_sources, reduce_night

from polarnight.pipeline.groups.group import measure_group
from polarnight.pipeline.groups.outcome import GroupParameters

NIGHTS = [
    ("CAFOS2.2", "Hiltner960", 9.786, 5.21, 54.54, {}),
    ("AndorT90", "2200+420", 13.38, 14.0, 14.7, {"n_darks": 0}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("instrument", "name", "mag", "p", "chi", "options"), NIGHTS)
def test_clouds_between_exposures(instrument, name, mag, p, chi, options, tmp_path):
    night = reduce_night(
        tmp_path,
        instrument,
        3,
        scenario="demo",
        photometry=(),
        n_photometry=0,
        n_cycles=3,
        n_bias=5,
        n_flats=3,
        clouds=0.8,
        **options,
    )
    assert night.failed == []
    sources = literature_sources(night)
    target = next(source for source in sources if source.name == name)
    dimming = [np.log10(f["transparency"]) * -2.5 for f in night.truth["frames"]
               if f.get("transparency")]  # fmt: skip
    assert np.ptp(dimming) > 1.0
    parameters = GroupParameters()
    for group in night.groups:
        result = measure_group(group, sources, parameters)
        rows = {r.source: r.values for r in result.results}
        assert target.id in rows, result.refused
        values = rows[target.id]
        q, u = (p / 100 * f(np.radians(2 * chi)) for f in (np.cos, np.sin))
        print(
            f"{instrument} q {values['q']:.4f} +- {values['q_err']:.4f} (truth {q:.4f}), "
            f"u {values['u']:.4f} +- {values['u_err']:.4f} ({u:.4f}), mag {values['mag']:.3f} "
            f"+- {values['mag_err']:.3f} ({mag}), {values['evidence']['polarimetry']['remarks']}"
        )
        assert abs(values["q"] - q) < 3 * values["q_err"]
        assert abs(values["u"] - u) < 3 * values["u_err"]
        assert abs(values["mag"] - mag) < 3 * values["mag_err"]
        assert values["q_err"] < 0.01
