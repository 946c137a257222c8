"""What a cube is, apart from what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.dimensions import Dimension, position
from polarnight.cubes.metadata import Metadata
from polarnight.cubes.recipes import Recipe
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from dask.array import Array

    from polarnight.cubes.cube import Cube
    from polarnight.cubes.views import Planes, View

__all__ = ["CubeState"]


class CubeState:
    """Arrays, labels and origin of a cube; immutable.

    Parameters
    ----------
    dims : tuple of Dimension
        Slowest axis first; of a FITS image ``(NAXISn, ..., NAXIS2, NAXIS1)``.
    planes : Planes, optional
        Lazy arrays: data, variance or None, bits or None.
    view : View, optional
        What makes them when they are first asked for.
    measure, unit : str
        Name of the quantity, and its unit as astropy writes it: ``""`` unknown, ``"1"`` none.
    metadata : Metadata
    source : str
        File it comes from.
    level : int
        Number of transformations since import.
    recipe : Recipe or callable, optional
        Or what makes it when it is first asked for.
    operation : tuple of (str, str, dict), optional
        Name, version and parameters; with the keys of `inputs` it makes the recipe.
    inputs : tuple of Cube
        What it was made from, where this process knows them.
    parents : tuple of str, optional
        Their keys, where it does not.
    axes : tuple of (int or None)
        Which axis (from 1) of the coordinate system in the header each dimension is.
    stored : str
        Where the arrays lie in a store; ``""`` where they do not.
    in_memory : bool
        Whether the arrays are there already.
    """

    __slots__ = (
        "_operation",
        "_parents",
        "_planes",
        "_recipe",
        "axes",
        "dims",
        "in_memory",
        "inputs",
        "level",
        "measure",
        "metadata",
        "source",
        "stored",
        "unit",
        "view",
    )

    _operation: tuple[str, str, Mapping[str, Any]] | None
    _parents: tuple[str, ...] | None
    _planes: Planes | None
    _recipe: Recipe | Callable[[], Recipe] | None
    axes: tuple[int | None, ...]
    dims: tuple[Dimension, ...]
    in_memory: bool
    inputs: tuple[Cube, ...]
    level: int
    measure: str
    metadata: Metadata
    source: str
    stored: str
    unit: str
    view: View | None

    def __init__(
        self,
        *,
        dims: tuple[Dimension, ...],
        planes: Planes | None = None,
        view: View | None = None,
        measure: str = "image",
        unit: str = "",
        metadata: Metadata | None = None,
        source: str = "",
        level: int = 0,
        recipe: Recipe | Callable[[], Recipe] | None = None,
        operation: tuple[str, str, Mapping[str, Any]] | None = None,
        inputs: tuple[Cube, ...] = (),
        parents: tuple[str, ...] | None = None,
        axes: tuple[int | None, ...] | None = None,
        stored: str = "",
        in_memory: bool = False,
    ) -> None:
        put = object.__setattr__
        put(self, "_operation", operation)
        put(self, "_parents", parents)
        put(self, "_planes", planes)
        put(self, "_recipe", recipe)
        put(self, "axes", tuple(range(len(dims), 0, -1)) if axes is None else axes)
        put(self, "dims", dims)
        put(self, "in_memory", in_memory)
        put(self, "inputs", inputs)
        put(self, "level", level)
        put(self, "measure", measure)
        put(self, "metadata", Metadata() if metadata is None else metadata)
        put(self, "source", source)
        put(self, "stored", stored)
        put(self, "unit", unit)
        put(self, "view", view)

    def __setattr__(self, name: str, value: Any) -> None:
        msg = f"a cube is immutable; {name} cannot be set"
        raise AttributeError(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        values = {name: getattr(self, name) for name in CubeState.__slots__}
        return (_restored, (type(self), values))

    @property
    def planes(self) -> Planes:
        """The lazy arrays."""
        planes = self._planes
        if planes is None:
            planes = self._pixels.planes()
            object.__setattr__(self, "_planes", planes)
        return planes

    @property
    def _pixels(self) -> View:
        if self.view is None:
            raise CubeError("the cube has neither arrays nor a view that makes them")
        return self.view

    @property
    def data(self) -> Array:
        """Values, axes as `dims`."""
        return self.planes.data

    @property
    def variance(self) -> Array | None:
        """Variances, of the shape of the data."""
        return self.planes.variance if self.has_variance else None

    @property
    def bits(self) -> Array | None:
        """Flags of `polarnight.frames.Bit`, uint16, of the shape of the data."""
        return self.planes.bits if self.has_bits else None

    @property
    def has_variance(self) -> bool:
        """Whether there are variances."""
        planes = self._planes
        return self._pixels.has_variance if planes is None else planes.variance is not None

    @property
    def has_bits(self) -> bool:
        """Whether there are bits."""
        planes = self._planes
        return self._pixels.has_bits if planes is None else planes.bits is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions."""
        return tuple(dim.size for dim in self.dims)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the dimensions."""
        return tuple(dim.name for dim in self.dims)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.dims)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the data."""
        found: np.dtype[Any] = (self._planes.data if self._planes else self._pixels).dtype
        return found

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of the data, without variance and bits."""
        return self.size * self.dtype.itemsize

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the blocks along each axis."""
        return self.data.chunks  # type: ignore[no-any-return]

    @property
    def wcs(self) -> Metadata | None:
        """Cards of the coordinate systems, or None."""
        cards = self.metadata.wcs
        return cards if len(cards) else None

    @property
    def recipe(self) -> Recipe:
        """How it is made."""
        if not isinstance(self._recipe, Recipe):
            # Inputs first, one after the other: chains may be longer than calls may be deep.
            waiting: list[CubeState] = [self]
            while waiting:
                cube = waiting[-1]
                needed = [one for one in cube.inputs if not isinstance(one._recipe, Recipe)]
                if cube._recipe is None and needed:
                    waiting += needed
                else:
                    object.__setattr__(cube, "_recipe", cube._written())
                    waiting.pop()
        return self._written()

    def _written(self) -> Recipe:
        if isinstance(self._recipe, Recipe):
            return self._recipe
        if self._recipe is not None:
            return self._recipe()
        if self._operation is None:
            raise CubeError("the cube does not know how it was made")
        return Recipe(*self._operation, tuple(cube.key for cube in self.inputs))

    @property
    def key(self) -> str:
        """Hash of everything that determines the values; of equal keys the cubes are equal."""
        return self.recipe.key

    @property
    def parents(self) -> tuple[str, ...]:
        """Keys of the cubes it was made from."""
        return self.recipe.inputs if self._parents is None else self._parents

    @property
    def is_stored(self) -> bool:
        """Whether the arrays are read from a store."""
        return bool(self.stored)

    def dim(self, name: str) -> Dimension:
        """Return a dimension by its name."""
        return self.dims[position(self.dims, name)]

    def axis(self, name: str) -> int:
        """Return which axis of the arrays a dimension is."""
        return position(self.dims, name)

    def __repr__(self) -> str:
        axes = " x ".join(f"{dim.name} {dim.size}" for dim in self.dims) or "one value"
        unit = f" {self.unit}" if self.unit not in ("", "1") else ""
        extra = [
            n for n, there in (("variance", self.has_variance), ("bits", self.has_bits)) if there
        ]
        planes = f", {' and '.join(extra)}" if extra else ""
        return f"<Cube {self.measure}: {axes}, {self.dtype}{unit}{planes}, level {self.level}>"


def _restored(kind: type[CubeState], values: dict[str, Any]) -> CubeState:
    cube = kind(dims=values["dims"])
    for name, value in values.items():
        object.__setattr__(cube, name, value)
    return cube
