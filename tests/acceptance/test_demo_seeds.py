"""The demonstration tells the truth, whatever its seed."""

import demo_seeds
import pytest

from polarnight.cli.demo import DEFAULT_SEED


@pytest.mark.slow
@pytest.mark.parametrize("seed", demo_seeds.SEEDS)
def test_demo_is_within_its_errors(seed, capsys):
    found = demo_seeds.run_seed(seed)
    with capsys.disabled():
        print("\n" + demo_seeds.line(found))
    assert found.failed == []
    assert found.count > 300
    assert 0.6 <= found.chi2 <= 1.5
    if seed == DEFAULT_SEED:
        assert max(found.largest.values()) < 3.0
