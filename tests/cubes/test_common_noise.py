"""One error that enters twice is not two errors, and where that is not known it is told."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from polarnight.cubes import Cube, CubeStore, combine_many, combine_pair, concat, merge, rebuild
from polarnight.cubes.steps.lineage import common_along, shared_noise

DIMS = ("NAXIS2", "NAXIS1")
RNG = np.random.default_rng(11)
A_VALUES = RNG.uniform(2.0, 9.0, (4, 5))
A_VARIANCE = RNG.uniform(0.1, 0.5, (4, 5))


def noisy(name, values=None, variance=None):
    values = RNG.uniform(5.0, 9.0, (4, 5)) if values is None else values
    variance = np.full(values.shape, 0.25) if variance is None else variance
    dims = DIMS if values.ndim == 2 else ("z", *DIMS)
    return Cube.from_array(values, dims, variance=variance, measure=name, unit="adu")


def told(cube):
    return [card.text for card in cube.metadata.select("HISTORY") if "VARIANCE" in card.text]


@pytest.fixture
def a():
    return noisy("a", A_VALUES, A_VARIANCE)


@pytest.mark.parametrize(
    ("operation", "slope"),
    [("sub", 0.0), ("sum", 2.0), ("mul", 2 * A_VALUES), ("div", 0.0), ("abs", np.sqrt(2)),
     ("arg", 0.0), ("max", 1.0), ("min", 1.0)],
)  # fmt: skip
def test_a_cube_with_itself(a, operation, slope):
    made = combine_pair(a, a, operation)
    wanted = slope**2 * A_VARIANCE
    np.testing.assert_allclose(made.variance.compute(), wanted, rtol=1e-12, atol=1e-30)
    assert told(made) == []
    again = rebuild(made.recipe, made.inputs)
    assert again.key == made.key
    np.testing.assert_array_equal(again.variance.compute(), made.variance.compute())


def test_a_cube_with_itself_in_another_unit(a):
    # 1 km of what is 1 m: the pixels are equal, so that the keys are; the second counts 1000 times.
    from polarnight.ophidia.engine.workbench import relabelled

    metres, kilometres = relabelled(a, unit="m"), relabelled(a, unit="km")
    assert metres.key == kilometres.key
    made = metres + kilometres
    np.testing.assert_allclose(made.variance.compute(), 1001.0**2 * A_VARIANCE, rtol=1e-12)
    many = combine_many([kilometres, metres, metres], "sum")
    np.testing.assert_allclose(many.variance.compute(), 1.002**2 * A_VARIANCE, rtol=1e-12)


def test_the_same_cube_several_times_among_many(a):
    b = noisy("b")
    a_values, b_values = a.numpy(), b.numpy()
    va, vb = A_VARIANCE, 0.25
    wanted = {
        "sum": 4 * va + vb,
        "avg": (4 * va + vb) / 9,
        "mul": (2 * a_values * b_values) ** 2 * va + a_values**4 * vb,
    }
    for operation, expected in wanted.items():
        made = combine_many([a, b, a], operation)
        np.testing.assert_allclose(made.variance.compute(), expected, rtol=1e-12)
        assert rebuild(made.recipe, made.inputs).key == made.key
        assert told(made) == []


def test_a_common_ancestor_is_told(a, tmp_path):
    b, c = noisy("b"), noisy("bias")
    difference = (a - c) - (b - c)
    assert len(told(difference)) == 1
    assert "bias (from_array" in told(difference)[0]
    # The numbers are those of independent cubes, and the header says so in a file too.
    np.testing.assert_allclose(difference.variance.compute(), A_VARIANCE + 3 * 0.25)
    difference.to_fits(tmp_path / "difference.fits")
    read = Cube.open_fits(tmp_path / "difference.fits")
    assert "independent" in " ".join(card.text for card in read.metadata.select("HISTORY"))
    assert told((a - c) / (b - c)) != []
    assert told(combine_many([a - c, b - c], "avg")) != []
    assert told(a * 2 - a) != []
    # Only the nearest of what is in common is named.
    together = a - c
    assert shared_noise([together * 2, together + b]) == shared_noise([together, together * 2])


def test_nothing_in_common_is_not_told(a):
    b, c, d = noisy("b"), noisy("c"), noisy("d")
    assert told((a - c) - (b - d)) == []
    raw = Cube.from_array(A_VALUES, DIMS, measure="raw")
    # Without variances nothing is claimed that could be wrong.
    assert told((a - raw) - (b - raw)) == []
    # What only chooses pixels brings no noise with it.
    mask = noisy("mask", np.ones((4, 5)))
    assert told(combine_pair(a, mask, "mask") - combine_pair(b, mask, "mask")) == []


def test_parts_that_share_no_pixels_are_independent():
    stack = noisy("stack", RNG.normal(size=(6, 4, 5)))
    first, second = stack.subset(z=slice(0, 3)), stack.subset(z=slice(3, 6))
    assert told(first - second) == []
    assert told(first * 2 - second.with_unit("adu")) == []
    assert told(stack.subset(z=[0, 2]) - stack.subset(z=[2, 4])) != []
    # Parts of parts, and of a stack that was put together.
    assert told(first.subset(z=0) - first.subset(z=1)) == []
    assert told(first.subset(z=2) - stack.subset(z=slice(2, 3)) * 2) != []
    images = [noisy(f"image {k}") for k in range(4)]
    merged = merge(images, "z")
    assert told(merged.subset(z=0) - merged.subset(z=1)) == []
    assert told(merged.subset(z=0).drop_dim("z") - images[0]) != []
    # One image was subtracted from both: that is common, whatever part of the stack they are.
    flat = noisy("flat")
    less = stack - flat
    assert told(less.subset(z=0) - less.subset(z=1)) != []


def test_the_origin_outlives_the_pixels(a, tmp_path):
    b, c = noisy("b"), noisy("bias")
    store = CubeStore(tmp_path / "store")
    one = (a - c).persist(store) * 2
    two = (((b - c) * 3).compute() + 1).compute()
    assert told(one - two) != []
    assert told(pickle.loads(pickle.dumps(one)) - two) != []
    # No arrays are kept for it.
    waiting = [two]
    while waiting:
        cube = waiting.pop()
        assert cube is two or (cube._planes is None and cube.view is None)
        waiting += cube.inputs
    # Of a cube that somebody else opens, what it was made from directly is known.
    assert told(store.open((a - c).key) - (b - c)) != []


def test_noise_that_a_stack_has_in_common(a):
    stack, flat = noisy("stack", RNG.normal(size=(6, 4, 5))), noisy("flat")
    less = (stack - flat) * 2
    assert [name.split(" ")[0] for name in common_along(less, "z")] == ["flat"]
    assert common_along(less, "NAXIS1") == []
    assert common_along(stack, "z") == []
    assert common_along(merge([a - flat, noisy("b") - flat], "z"), "z") != []
    assert common_along(merge([a, noisy("b"), a], "z"), "z") != []
    assert common_along(merge([a, noisy("b")], "z"), "z") == []
    moved = less.rename_dims(z="t").subset(t=slice(1, 4)).transpose("NAXIS1", "t", "NAXIS2")
    assert common_along(moved, "t") != []
    both = concat([less, noisy("more", RNG.normal(size=(2, 4, 5))) - flat], "z")
    assert common_along(both, "z") != []
    assert common_along(stack - stack.subset(z=0), "z") != []
