"""What the tasks of a lazy query do: rows of a block in numpy, images of a block with a halo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.frames import UNUSABLE, Bit
from polarnight.ophidia.primitives.declaration import find
from polarnight.ophidia.primitives.evaluation import Block, arguments_of, with_lost, work_out
from polarnight.ophidia.primitives.images import Image
from polarnight.ophidia.primitives.parser import Call, Name, Node, Text
from polarnight.ophidia.primitives.types import arithmetic_type, cast, type_of
from polarnight.ophidia.primitives.values import Noise, Value, constant

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Packed", "RowTask", "image_block", "pick", "with_placeholder"]

Packed = tuple[Any, Any, Any]
"""Data, variance or None, bits or None."""


@dataclass(frozen=True)
class RowTask:
    """An expression without primitives of images, for the rows of a block.

    Attributes
    ----------
    node : Node
    query : str
    rows : int
        Number of explicit dimensions, which come first; of an expression that works pixel by
        pixel, all but the last count as explicit.
    planes : tuple of (bool, bool)
        Of every input, whether it has a variance and bits.
    names : tuple of str
        Names of the inputs in the expression.
    dimension : ndarray or None
        Coordinates of the only implicit dimension.
    exact : frozenset of str
        Names of inputs without noise that counts.
    """

    node: Node
    query: str
    rows: int
    names: tuple[str, ...]
    planes: tuple[tuple[bool, bool], ...]
    dimension: npt.NDArray[np.float64] | None = None
    exact: frozenset[str] = frozenset()

    def value(self, arrays: tuple[npt.NDArray[Any], ...]) -> Value:
        """Work the expression out on a block of every array."""
        given = iter(arrays)
        names: dict[str, Value] = {}
        for name, (has_variance, has_bits) in zip(self.names, self.planes, strict=True):
            data = next(given)
            variance = next(given) if has_variance else None
            bits = next(given) if has_bits else None
            names[name] = replace(self._rows(data, variance, bits), exact=name in self.exact)
        if self.dimension is not None:
            names["dimension"] = constant(self.dimension)
        return work_out(self.node, Block(names, self.query))

    def _rows(self, data: Any, variance: Any, bits: Any) -> Value:
        shape = data.shape[self.rows :]
        folded = (prod(data.shape[: self.rows]), prod(shape))
        noise = None if variance is None else Noise(np.asarray(variance).reshape(folded))
        flags = None if bits is None else np.asarray(bits).reshape(folded)
        return Value(np.asarray(data).reshape(folded), tuple(shape), flags, noise)

    def __call__(self, *arrays: npt.NDArray[Any]) -> Packed:
        """Return data, variance and bits of the result of a block."""
        explicit = arrays[0].shape[: self.rows]
        made = self.value(arrays)
        shape = (*explicit, *self.shape_of(made, arrays[0].shape[self.rows :]))
        folded = (prod(explicit), prod(shape[self.rows :]))

        def unfolded(plane: Any) -> Any:
            if plane is None:
                return None
            return np.ascontiguousarray(np.broadcast_to(plane, folded)).reshape(shape)

        return unfolded(made.data), unfolded(made.variance), unfolded(made.bits)

    def shape_of(self, made: Value, before: tuple[int, ...]) -> tuple[int, ...]:
        """Return the implicit sizes of a result; those of the input where it is constant."""
        if made.shape is None:
            return before if made.width in {1, prod(before)} else (made.width,)
        return made.shape if len(made.shape) <= len(before) else (made.width,)


def pick(packed: Any, place: int) -> Any:
    """Return one of the planes that a task made."""
    return packed[place]


def image_block(
    data: npt.NDArray[Any],
    *planes: npt.NDArray[Any],
    call: Call,
    query: str,
    has: tuple[bool, bool],
    axes: tuple[int, int],
) -> Packed:
    """Apply a primitive of images to all images of a block.

    Parameters
    ----------
    data, *planes : ndarray
        Values, variance and bits, as `has` says.
    call : Call
        Whose first argument is what the arrays hold.
    query : str
    has : tuple of bool
    axes : tuple of int
        The axes of the image, rows first.
    """
    known = find(call, query)
    block = Block({"_": Value(np.zeros((1, 1)))}, query)
    types, given = arguments_of(with_placeholder(call), known, block)
    arguments = list(given.values())[1:]
    variance, bits = planes[0] if has[0] else None, planes[-1] if has[1] else None
    dtype = arithmetic_type(data.dtype)
    given_planes = (data, variance, bits)
    folded: list[Any] = [None if one is None else _folded(one, axes) for one in given_planes]
    results: list[Image] = []
    with np.errstate(all="ignore"):
        for number in range(len(folded[0])):
            one = folded[0][number]
            noise, flags = (None if plane is None else plane[number] for plane in folded[1:])
            bad = np.isnan(one) if one.dtype.kind == "f" else np.zeros(one.shape, np.bool_)
            if flags is not None:
                bad = bad | ((flags & np.uint16(UNUSABLE)) != 0)
            image = Image(one.astype(dtype, copy=False), bad, flags, noise)
            results.append(known.function(image, *arguments))
    stacked = np.stack([image.data for image in results])
    wanted = type_of(types[1]) if len(types) > 1 else None
    flags = _bits(results, wanted_bits=has[1])
    if wanted is not None:
        made = with_lost(Value(stacked), cast(stacked, wanted)[1])
        stacked = cast(stacked, wanted)[0]
        flags = flags if made.bits is None or flags is None else flags | made.bits
    noise = None
    if all(image.variance is not None for image in results) and has[0]:
        noise = np.stack([np.asarray(image.variance) for image in results])
    return tuple(
        None if one is None else _unfolded(one, axes, data.shape) for one in (stacked, noise, flags)
    )  # type: ignore[return-value]


def with_placeholder(call: Call) -> Call:
    """Return the call with a name in the place of its measure, which was worked out before."""
    place = next(k for k, one in enumerate(call.arguments) if not isinstance(one, Text))
    arguments = (*call.arguments[:place], Name("_", call.at), *call.arguments[place + 1 :])
    return Call(call.name, arguments, call.at)


def _folded(plane: npt.NDArray[Any], axes: tuple[int, int]) -> npt.NDArray[Any]:
    moved = np.moveaxis(plane, axes, (-2, -1))
    return np.ascontiguousarray(moved).reshape(-1, *moved.shape[-2:])


def _unfolded(
    plane: npt.NDArray[Any], axes: tuple[int, int], shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    others = [n for axis, n in enumerate(shape) if axis not in axes]
    full = plane.reshape(*others, *plane.shape[-2:])
    return np.ascontiguousarray(np.moveaxis(full, (-2, -1), axes))


def _bits(results: list[Image], *, wanted_bits: bool) -> npt.NDArray[np.uint16] | None:
    """Return the bits of all images where the cube has bits; else NaN says it all."""
    if not wanted_bits:
        return None
    return np.stack([
        np.where(np.isnan(one.data), np.uint16(Bit.NO_DATA), np.uint16(0))
        if one.bits is None else one.bits
        for one in results
    ])  # fmt: skip
