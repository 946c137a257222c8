"""Units of results: no factor is lost on the way."""

from __future__ import annotations

import pytest
from astropy import units

from polarnight.cubes import Cube
from polarnight.cubes.units import pair_unit


@pytest.mark.parametrize(
    ("operation", "a", "b"),
    [("div", "s", "min"), ("div", "km", "m"), ("mul", "s", "1 / min"), ("mul", "%", "%")],
)
def test_units_that_cancel_with_a_factor_stay_written_out(operation, a, b):
    unit, factor = pair_unit(operation, a, b)
    one, two = units.Unit(a), units.Unit(b)
    assert factor == 1.0
    assert units.Unit(unit) == (one * two if operation == "mul" else one / two)
    # Not the number, in which nobody sees where it comes from.
    assert not unit[0].isdigit()


def test_a_ratio_of_times_keeps_its_factor():
    seconds, minutes = Cube.from_array([[30.0]], unit="s"), Cube.from_array([[2.0]], unit="min")
    ratio = seconds / minutes
    assert (ratio.unit, ratio.numpy()[0, 0]) == ("s / min", 15.0)
    # To a pure number it is added as the quarter that it is.
    whole = Cube.from_array([[1.0]], unit="1") + ratio
    assert (whole.unit, whole.numpy()[0, 0]) == ("1", 1.25)
    assert (seconds / seconds).unit == "1"
