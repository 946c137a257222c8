"""What a reduction of cubes does to every block, and how its groups make one result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.kernels.combine import Combined
    from polarnight.cubes.kernels.statistics import Operation

__all__ = ["Reduced", "Reduction"]


class Reduced(NamedTuple):
    """The planes of a reduced block."""

    data: npt.NDArray[Any]
    variance: npt.NDArray[Any] | None
    bits: npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Reduction:
    """What is done to every block.

    Parameters
    ----------
    operation : Operation
    axis : int
        The one that is reduced.
    size : int
        Of the groups of neighbours; 0 for all in one, without the axis in the result.
    dtype : numpy.dtype
        Of the result.
    has_variance : bool
        Whether the result has one.
    scales : dict
        ``dark_scale``, ``scale`` (a number or one for each element of the axis) and
        ``saturation``, as far as given.
    step : float
        Of which the values that enter are multiples, for the part of rounding in a variance
        from their scatter; 0 where that is not asked for.
    counts_masters : bool
        Whether the variances of bias and dark are added.
    clips_rounded : bool
        Whether the least sigma for clipping is that of rounding, not that of the noise.
    """

    operation: Operation
    axis: int
    size: int
    dtype: np.dtype[Any]
    has_variance: bool
    scales: Mapping[str, Any] = field(default_factory=dict)
    step: float = 0.0
    counts_masters: bool = False
    clips_rounded: bool = False

    def groups(self, n: int) -> list[slice]:
        """Return the groups along the axis; the last one may be smaller."""
        size = self.size or max(n, 1)
        return [slice(first, min(n, first + size)) for first in range(0, n, size)]

    def scales_of(self, group: slice) -> dict[str, Any]:
        """Return the scales of a group."""
        return {
            name: value if np.ndim(value) == 0 else list(value)[group]
            for name, value in self.scales.items()
        }

    def finished(self, made: list[Combined], shape: Sequence[int]) -> Reduced:
        """Put the results of groups together, each of which fills whole rows.

        Parameters
        ----------
        made : list of Combined
        shape : sequence of int
            Of the block without its axis.
        """
        groups = sum(one.value.size for one in made) // max(int(np.prod(shape)), 1)
        counts = _joined([one.count for one in made])
        values = _joined([one.value for one in made])
        if self.operation.name == "count":
            values = counts
        elif self.operation.is_place:
            values = np.where(counts > 0, values, -1)
        spread = None
        if self.has_variance:
            spread = _joined([one.variance for one in made])
        bits = _joined([one.bits for one in made])

        def placed(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
            whole = plane.reshape(groups, *shape)
            return np.moveaxis(whole, 0, self.axis) if self.size else whole[0]

        return Reduced(
            placed(values.astype(self.dtype, copy=False)),
            None if spread is None else placed(spread),
            placed(bits),
        )


def _joined(planes: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the elements of planes one after the other; of one plane without a copy."""
    if len(planes) == 1:
        return planes[0].reshape(-1)
    return np.concatenate([plane.reshape(-1) for plane in planes])
