"""Variances of combined integers: of the error with respect to what was rounded."""

from __future__ import annotations

import math

import numpy as np
import pytest

from polarnight.cubes import Cube, merge, rebuild
from polarnight.errors import CubeError

COLUMNS = 20_000


def rounded(sigma, n, seed=1):
    """Return integers of levels of any fraction, and the levels."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(999.0, 1001.0, COLUMNS)
    return np.rint(rng.normal(level, sigma, (n, COLUMNS))).astype("u2"), level


@pytest.mark.parametrize("sigma", [0.05, 0.15, 0.3, 0.5, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("n", [2, 3, 4, 9, 20])
@pytest.mark.parametrize("operation", ["mean", "median", "sum", "clipped_mean"])
def test_variance_is_that_of_the_error(sigma, n, operation):
    values, level = rounded(sigma, n)
    made = Cube.from_array(values, ("z", "NAXIS1")).reduce(operation, "z").compute()
    error = made.numpy().astype(float) - level * (n if operation == "sum" else 1)
    found, truth = made.variance.compute().mean(dtype=float), np.mean(error**2)
    assert (made.variance.compute() > 0).all()
    # Where the noise is less than a step the fraction of it matters, which nobody knows: then
    # the variance is too large, never too small.
    most = 2.0 if sigma < 0.5 else 1.6 if sigma == 0.5 else 1.45 if n < 9 else 1.25
    least = 0.95
    if sigma > 2:
        most = 1.05
    assert least < found / truth < most


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("operation", ["mean", "median", "clipped_mean", "clipped_median"])
def test_integers_that_agree_are_known_to_a_twelfth(n, operation):
    same = Cube.from_array(np.full((n, 6), 7, "i2"), ("z", "NAXIS1"))
    np.testing.assert_allclose(same.reduce(operation, "z").variance.compute(), 1 / 12, rtol=1e-6)
    exact = same.reduce(operation, "z", step=0.0).variance.compute()
    np.testing.assert_array_equal(exact, 0.0)
    tens = same.reduce(operation, "z", step=10.0).variance.compute()
    np.testing.assert_allclose(tens, 100 / 12, rtol=1e-6)
    one = same.subset(z=0).reduce(operation, "z").variance.compute()
    assert np.isnan(one).all()


def test_the_step_follows_what_was_done():
    integers = Cube.from_array(np.full((5, 6), 70, "u2"), ("z", "NAXIS1"))
    bias = Cube.from_array(np.linspace(3, 4, 6), ("NAXIS1",))
    assert integers.dtype == np.uint16

    def found(cube, **more):
        return float(cube.reduce("mean", "z", **more).variance.compute()[0])

    twelfth = pytest.approx(1 / 12, rel=1e-6)
    assert found(integers - bias) == twelfth
    assert found(bias - integers) == twelfth
    assert found((integers - bias).subset(NAXIS1=slice(0, 3)).with_unit("adu")) == twelfth
    assert found((integers - bias) * 3 + 1) == pytest.approx(9 / 12, rel=1e-6)
    assert found(integers / 2) == pytest.approx(1 / 48, rel=1e-6)
    assert found(integers, bias=bias.numpy(), scale=2.0) == pytest.approx(4 / 12, rel=1e-6)
    assert found(merge([integers.subset(z=0).drop_dim("z")] * 3, "z")) == twelfth
    # Where values of a pixel do not share a fraction of a step, they are not rounded alike.
    assert found(integers, scale=[1.0, 2.0, 1.0, 1.0, 1.0]) > 100
    assert found(integers - integers * 0.3) == 0.0
    # What says itself how noisy it is, is believed.
    known = Cube.from_array(np.full((5, 6), 70, "u2"), ("z", "NAXIS1"), variance=np.full((5, 6), 2))
    assert found(known) == pytest.approx(0.4)
    with pytest.raises(CubeError, match="step = -1"):
        integers.reduce("mean", "z", step=-1)


def test_clipping_has_a_least_sigma_for_integers():
    values, level = rounded(0.3, 25)
    values[3, 77] += 900
    cube = Cube.from_array(values, ("z", "NAXIS1"))
    by_default = cube.reduce("clipped_mean", "z")
    assert abs(by_default.numpy()[77] - level[77]) < 1
    error = by_default.numpy() - level
    unclipped = cube.reduce("mean", "z").numpy() - level
    assert np.delete(error, 77).std() == pytest.approx(np.delete(unclipped, 77).std(), rel=0.01)
    # Without it, every value unlike the median is thrown away.
    without = cube.reduce("clipped_mean", "z", min_sigma=0.0).numpy() - level
    assert without.std() > 1.5 * np.delete(error, 77).std()
    # Also where something was subtracted from them before.
    less = cube - Cube.from_array(np.linspace(0, 1, COLUMNS), ("NAXIS1",))
    kept = less.reduce("clipped_mean", "z")
    assert kept.recipe.parameters["given"]["min_sigma"] == pytest.approx(0.7413)
    assert (cube * 1.0).dtype == np.float32
    floats = Cube.from_array(values.astype("f4"), ("z", "NAXIS1")).reduce("clipped_mean", "z")
    assert floats.recipe.parameters["given"]["min_sigma"] == 0.0


def test_what_was_made_before_has_the_key_that_it_had():
    integers = Cube.from_array(np.full((5, 6), 70, "u2"), ("z", "NAXIS1"))
    made = integers.reduce("mean", "z")
    again = rebuild(made.recipe, made.inputs)
    assert again.key == made.key
    np.testing.assert_array_equal(again.variance.compute(), made.variance.compute())
    parameters = {k: v for k, v in made.recipe.parameters.items() if k != "step"}
    old = type(made.recipe)("reduce", "1", parameters, made.recipe.inputs)
    kept = rebuild(old, made.inputs)
    assert kept.key == old.key != made.key
    np.testing.assert_array_equal(kept.variance.compute(), 0.0)


@pytest.mark.parametrize("operation", ["mean", "median", "sum", "clipped_mean"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("grouped", [False, True])
def test_noise_of_bias_and_dark_is_counted_once(operation, known, grouped):
    rng = np.random.default_rng(8)
    n, scale, dark_scale = 5, [0.5, 1.0, 1.5, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0, 2.0]
    if operation != "mean" or not known:
        # Of values multiplied differently, a median has no mean error of its own.
        scale, dark_scale = [1.5] * n, [2.0] * n
    noise = rng.normal(0, 2, (n, COLUMNS)) / np.array(scale)[:, None]
    bias = Cube.from_array(rng.normal(0, 3, COLUMNS), ("x",), variance=np.full(COLUMNS, 9.0))
    dark = Cube.from_array(rng.normal(0, 1, COLUMNS), ("x",), variance=np.full(COLUMNS, 1.0))
    spread = np.broadcast_to((2 / np.array(scale)[:, None]) ** 2, noise.shape) if known else None
    cube = Cube.from_array(noise, ("z", "x"), variance=spread)
    options = {"bias": bias, "dark": dark, "scale": scale, "dark_scale": dark_scale}
    if grouped:
        made = cube.block_reduce(operation, "z", 5, **options)
    else:
        made = cube.reduce(operation, "z", **options)
    truth = made.numpy().var()
    relative = 4 * math.sqrt(2 / COLUMNS) + 0.02
    assert made.variance.compute().mean() == pytest.approx(truth, rel=relative)
    again = rebuild(made.recipe, made.inputs)
    assert again.key == made.key
    np.testing.assert_array_equal(again.variance.compute(), made.variance.compute())
    without = cube.reduce(operation, "z", **options, masters_variance=False)
    assert without.variance.compute().mean() < 0.7 * truth
    assert without.key != made.key
