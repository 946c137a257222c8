"""Coverage at image level: simulated frames through the pipeline."""

import coverage_images
import numpy as np
import pytest
from coverage_images import Night


def test_a_small_frame_of_each_instrument_covers():
    """Within three times the sampling error of the nominal fraction."""
    plan = [
        Night("AndorT90", 11, (0.0, 0.1), n_photometry=2, n_cycles=2, size=512),
        Night("CAFOS2.2", 12, (0.0, 0.1), n_photometry=1, n_cycles=1),
    ]
    rows = coverage_images.measure_nights(plan, workers=1)
    found = coverage_images.tallies(rows)
    for mode in ("photometry", "polaroids", "half-wave plate"):
        tally = found[mode, "all"]
        for name in tally.pulls:
            n = len(tally.pulls[name])
            assert n > 100
            assert tally.coverage(name) == pytest.approx(0.683, abs=3 * np.sqrt(0.217 / n)), name
            # Sources that share calibrators are not quite independent.
            assert abs(tally.bias(name)) < 0.1 + 3 / np.sqrt(n), name
            assert max(map(abs, tally.pulls[name])) < 6, name
        for name in tally.hits:
            n = len(tally.hits[name])
            assert tally.coverage(name) == pytest.approx(0.683, abs=3 * np.sqrt(0.217 / n)), name


@pytest.mark.slow
def test_coverage_holds_from_bright_to_faint_and_at_every_polarization(capsys):
    rows = coverage_images.measure_nights(coverage_images.nights())
    with capsys.disabled():
        print()
        found = coverage_images.print_table(rows)
    for (mode, where), tally in found.items():
        for name in tally.pulls:
            assert len(tally.pulls[name]) >= 400, (mode, where, name)
            assert 0.61 <= tally.coverage(name) <= 0.75, (mode, where, name)
            assert abs(tally.bias(name)) < 0.1, (mode, where, name)
        for name in tally.hits:
            assert 0.61 <= tally.coverage(name) <= 0.75, (mode, where, name)
