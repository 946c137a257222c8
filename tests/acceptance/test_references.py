"""The classic references come back within their errors, and these are small.

Hiltner 960 through CAFOS (R 9.786, p 5.21 %, chi 54.54 deg) and BL Lac through AndorT90 (R 13.38,
p 14.0 %, chi 14.7 deg), in several cycles of a simulated night with all its defects, calibrators
with literature errors, and instrumental polarization that differs from the quoted constants by
their errors.
"""

import numpy as np
import pytest
from closed_loop import literature_sources, reduce_night

from polarnight.pipeline.group import measure_group
from polarnight.pipeline.outcome import GroupParameters

REFERENCES = [
    ("CAFOS2.2", "Hiltner960", 9.786, 5.21, 54.54, {}),
    ("AndorT90", "2200+420", 13.38, 14.0, 14.7, {"n_darks": 0}),
]


@pytest.mark.parametrize(("instrument", "name", "mag", "p", "chi", "options"), REFERENCES)
def test_reference_comes_back(instrument, name, mag, p, chi, options, tmp_path):
    night = reduce_night(
        tmp_path,
        instrument,
        3,
        scenario="demo",
        photometry=(),
        n_photometry=0,
        n_cycles=4,
        n_bias=5,
        n_flats=3,
        **options,
    )
    assert night.failed == []
    assert len(night.groups) == 4
    sources = literature_sources(night)
    target = next(source for source in sources if source.name == name)
    found = []
    for group in night.groups:
        rows = {
            r.source: r.values for r in measure_group(group, sources, GroupParameters()).results
        }
        found.append(rows[target.id])
    for values in found:
        assert "BAD_PHOTOMETRY" not in values["flags"]
        off = (values["chi"] - chi + 90.0) % 180.0 - 90.0
        assert abs(values["mag"] - mag) < 3 * values["mag_err"]
        assert abs(100 * values["p"] - p) < 3 * 100 * values["p_err"]
        assert abs(off) < 3 * values["chi_err"]
        assert values["mag_err"] <= 0.03
        assert 100 * values["p_err"] <= 0.3
        assert values["chi_err"] <= 2.0
    # The mean of the cycles is nearer; their scatter is that of their errors.
    for key, truth in (("q", np.cos), ("u", np.sin)):
        expected = p / 100 * truth(np.radians(2 * chi))
        pulls = [(v[key] - expected) / v[f"{key}_err"] for v in found]
        assert abs(np.mean(pulls)) < 3 / np.sqrt(len(pulls))
        assert np.mean(np.square(pulls)) < 3.5
