"""Coverage at image level: simulated frames through the pipeline."""

import coverage_images
import numpy as np
import pytest
from coverage_images import Night

from polarnight.instruments.observatories import OBSERVATORIES


@pytest.fixture(autouse=True)
def _settings_again():
    yield
    OBSERVATORIES.adopt(None)


def sampling(n, fraction=0.68):
    """Standard error of a fraction of n."""
    return np.sqrt(fraction * (1.0 - fraction) / n)


def test_a_small_frame_of_each_instrument_covers():
    """Within three times the sampling error of the nominal fraction."""
    plan = [
        Night("AndorT90", 11, (0.0, 0.1), n_photometry=2, n_cycles=1, options={"size": 512}),
        Night("CAFOS2.2", 12, (0.0, 0.1), n_photometry=1, n_cycles=1),
        Night("Cameras", 13, (0.0, 0.05), n_photometry=1, n_cycles=0),
    ]
    rows = coverage_images.measure_nights(plan, workers=1)
    found = coverage_images.tallies(rows)
    assert [mode for mode, where in found if where == "all"] == [
        "AndorT90 photometry",
        "AndorT90 polaroids",
        "CAFOS2.2 photometry",
        "CAFOS2.2 half-wave plate",
        "CAFOS2.2 half-wave plate, ratios",
        "CAFOS2.2 ordinary beam alone",
        "CAFOS2.2 extraordinary beam alone",
        # One camera of two measures a polarized part of the light; their sum does not.
        "Cameras photometry",
    ]
    for (mode, where), tally in found.items():
        if where != "all":
            continue
        for name in tally.pulls:
            n = len(tally.pulls[name])
            assert n > 40
            assert abs(tally.coverage(name) - 0.683) < 3 * sampling(n), (mode, name)
            # Sources that share calibrators are not quite independent.
            assert abs(tally.bias(name)) < 0.1 + 3 / np.sqrt(n), (mode, name)
            assert max(map(abs, tally.pulls[name])) < 6, (mode, name)
        for name in tally.hits:
            n = len(tally.hits[name])
            assert abs(tally.coverage(name) - 0.683) < 3 * sampling(n), (mode, name)


@pytest.mark.slow
def test_coverage_of_every_instrument_and_method(capsys):
    """0.66 to 0.70, as far as that can be told of so many sources; 400 of each at least."""
    # In this process: the other core has tests of its own.
    rows = coverage_images.measure_nights(coverage_images.nights(), workers=1)
    with capsys.disabled():
        print()
        found = coverage_images.print_table(rows)
    modes = [mode for mode, where in found if where == "all"]
    assert len(modes) == 23
    total = coverage_images.Tally.empty()
    for mode in modes:
        tally = found[mode, "all"]
        total.add(tally)
        for name in (*tally.pulls, *tally.hits):
            n = len(tally.pulls.get(name) or tally.hits[name])
            assert n >= (300 if name == "mag" else 400), (mode, name)
            low, high = 0.66 - 2.5 * sampling(n), 0.70 + 2.5 * sampling(n)
            assert low <= tally.coverage(name) <= high, (mode, name)
        for name, pulls in tally.pulls.items():
            off = 2.5 * sampling(len(pulls), 0.954)
            assert 0.945 - off <= tally.coverage(name, 2.0) <= 0.963 + off, (mode, name)
            assert abs(tally.bias(name)) < 0.1, (mode, name)
            # Nothing far off is left without a flag.
            assert max(map(abs, pulls)) < 5.5, (mode, name)
    for name in (*total.pulls, *total.hits):
        assert 0.66 <= total.coverage(name) <= 0.70, name
    # From bright to faint and at every polarization, where there are enough sources to ask.
    asked = 0
    for (mode, where), tally in found.items():
        for name in (*tally.pulls, *tally.hits):
            if len(tally.pulls.get(name) or tally.hits[name]) >= 400:
                assert 0.61 <= tally.coverage(name) <= 0.75, (mode, where, name)
                asked += where != "all"
    assert asked > 50
