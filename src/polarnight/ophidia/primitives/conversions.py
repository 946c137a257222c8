"""Primitives that change types, make arrays of texts, or are kept for old commands."""

from __future__ import annotations

import numpy as np

from polarnight.ophidia.primitives.declaration import (
    MISSING,
    array,
    integer,
    number,
    primitive,
    text,
)
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.evaluation import numbers_of
from polarnight.ophidia.primitives.values import Value, constant

__all__: list[str] = []

_TYPES = "types"


@primitive("oph_cast", "The numbers in another type; towards zero for integers.", _TYPES,
           array(), MISSING, number("output_missingvalue", None),
           example="oph_cast('oph_double','oph_float',measure)")  # fmt: skip
def cast(value: Value, missing: float | None) -> Value:
    """Return the value; `evaluation` gives it the type, as all typed primitives."""
    return value


@primitive("oph_convert_d", "The numbers in double precision.", _TYPES, array(),
           example="oph_convert_d('oph_float','',measure)")  # fmt: skip
def convert_d(value: Value) -> Value:
    """Return the numbers as float64."""
    return value.with_data(value.data.astype(np.float64))


@primitive("oph_convert_l", "The numbers as whole numbers of 64 bits.", _TYPES, array(),
           example="oph_convert_l('oph_int','',measure)")  # fmt: skip
def convert_l(value: Value) -> Value:
    """Return the numbers as int64."""
    from polarnight.ophidia.primitives.evaluation import with_lost
    from polarnight.ophidia.primitives.types import cast as cast_numbers

    data, lost = cast_numbers(value.data, np.dtype(np.int64))
    return with_lost(value.with_data(data), lost)


for _name in ("oph_compress", "oph_uncompress"):

    @primitive(_name, "The measure as it is: what is stored is compressed anyway.", _TYPES,
               array(), example=f"{_name}('','',measure)")  # fmt: skip
    def unchanged(value: Value) -> Value:
        """Return the value."""
        return value


@primitive("oph_size_array", "Bytes of a row.", _TYPES, array(), reach="row", reduces=True,
           example="oph_size_array('oph_float','',measure)")  # fmt: skip
def size_array(value: Value) -> Value:
    """Return the size, uncompressed."""
    size = value.width * value.data.dtype.itemsize
    return Value(np.full((len(value.data), 1), size, np.int64), ())


@primitive("oph_to_bin", "A list of numbers from a text.", _TYPES, text("convertible string"),
           reach="row", example="oph_to_bin('','oph_double','112.45,563.9')")  # fmt: skip
def to_bin(numbers: str) -> Value:
    """Return a row that serves all rows."""
    return constant(numbers_of(numbers))


@primitive("oph_value_to_bin", "One number as an array.", _TYPES, number("value"),
           example="oph_value_to_bin('','oph_double',112.45)")  # fmt: skip
def value_to_bin(value: float) -> Value:
    """Return a number that serves all rows."""
    return constant(value)


@primitive("oph_get_index_array", "The numbers from start to stop.", _TYPES,
           integer("start value"), integer("stop value"), integer("stride", 1, minimum=1),
           reach="row", example="oph_get_index_array('','oph_long',1,5)")  # fmt: skip
def get_index_array(start: int, stop: int, stride: int) -> Value:
    """Return a row of numbers that serves all rows."""
    if not start <= stop or stop - start > 10_000_000:
        msg = f"{start} to {stop} is no range of at most ten million numbers"
        raise QueryError(msg)
    return constant(np.arange(start, stop + 1, stride))
