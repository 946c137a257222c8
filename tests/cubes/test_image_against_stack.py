"""An image with bits and variance against a stack that has neither."""

import numpy as np
import pytest

from polarnight.cubes import Cube


@pytest.mark.parametrize("operation", ["sub", "div"])
def test_bits_and_variance_are_those_of_every_image(operation):
    rng = np.random.default_rng(4)
    pixels = rng.integers(1, 900, (3, 5, 7)).astype("u2")
    stack = Cube.from_array(pixels, ("z", "NAXIS2", "NAXIS1"), variance=pixels.astype("f4"))
    bits = rng.integers(0, 2, (5, 7)).astype("u2")
    image = Cube.from_array(
        rng.uniform(1.0, 2.0, (5, 7)).astype("f4"), ("NAXIS2", "NAXIS1"),
        variance=np.full((5, 7), 0.25, "f4"), bits=bits,
    )  # fmt: skip
    made = (stack - image if operation == "sub" else stack / image).compute()
    assert made.bits.shape == made.bits.compute().shape == (3, 5, 7)
    np.testing.assert_array_equal(made.bits.compute(), np.broadcast_to(bits, (3, 5, 7)))
    assert made.variance.compute().shape == (3, 5, 7)
    # And a statistic over each of them reads blocks of the size that they say.
    assert made.reduce("median", "NAXIS1").numpy().shape == (3, 5)
