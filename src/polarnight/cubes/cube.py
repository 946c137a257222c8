"""The cube: a lazily evaluated, labelled array with unit, header, variance and bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.fits import reading
from polarnight.cubes.fits.content import find_file
from polarnight.cubes.metadata import Card, Metadata
from polarnight.cubes.recipes import operation as registered
from polarnight.cubes.recipes import plain
from polarnight.cubes.running.runner import compute
from polarnight.cubes.state import CubeState
from polarnight.cubes.steps import apply, labels, reduce, shape, subset
from polarnight.cubes.steps.arithmetic import combine_number, combine_pair

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.recipes import Recipe
    from polarnight.cubes.running.runner import Runner
    from polarnight.cubes.store.store import CubeStore
    from polarnight.cubes.views import Planes, View

__all__ = ["Cube", "Number"]

Number: TypeAlias = int | float | np.integer[Any] | np.floating[Any]


class Cube(CubeState):
    """A lazily evaluated array with names to its axes; immutable.

    Made by `open_fits`, `from_array`, `merge` and by operations on other cubes; nothing is
    read or computed before `numpy`, `compute`, `persist` or `to_fits` is called.

    The attributes are those of `CubeState`.
    """

    __slots__ = ()

    # ------------------------------------------------------------------ making

    @classmethod
    def open_fits(
        cls,
        path: str | Path,
        hdu: int | str | None = None,
        *,
        measure: str = "image",
        dims: Sequence[str] | None = None,
        subset: Mapping[str, Any] | None = None,
    ) -> Cube:
        """Return a view of an image of a FITS file; only headers are read.

        See `polarnight.cubes.fits.reading.open_fits`.
        """
        return reading.open_fits(cls, path, hdu, measure=measure, dims=dims, subset=subset)

    @classmethod
    def from_array(
        cls,
        array: Any,
        dims: Iterable[Dimension | str] | None = None,
        variance: Any = None,
        bits: Any = None,
        unit: str = "",
        metadata: Metadata | Iterable[Card] | Mapping[str, Any] = (),
        measure: str = "image",
        **others: Any,
    ) -> Cube:
        """Return a cube of an array in memory, or of a dask array.

        See `polarnight.cubes.steps.labels.from_array`.
        """
        return labels.from_array(
            cls, array, dims, variance, bits, unit, metadata, measure, **others
        )

    def derive(
        self,
        name: str,
        parameters: Mapping[str, Any],
        *,
        version: str = "1",
        dims: tuple[Dimension, ...] | None = None,
        planes: Planes | None = None,
        view: View | None = None,
        unit: str | None = None,
        measure: str | None = None,
        metadata: Metadata | None = None,
        inputs: Sequence[Cube] | None = None,
        axes: tuple[int | None, ...] | None = None,
        level: int | None = None,
    ) -> Cube:
        """Return a cube made from this one by an operation; what is not given is kept.

        Parameters
        ----------
        name, version : str
            Of the operation, as registered with `polarnight.cubes.recipes.operation`.
        parameters : mapping
            What `polarnight.cubes.recipes.plain` can write down.
        dims : tuple of Dimension, optional
        planes : Planes, optional
            The new arrays; or `view`, what makes them.
        inputs : sequence of Cube, optional
            By default this cube alone.
        axes : tuple, optional
            By default dimensions keep the axis that one of the same name has here.
        """
        from_cubes = (self,) if inputs is None else tuple(inputs)
        new_dims = self.dims if dims is None else dims
        if axes is None:
            own = dict(zip((dim.name for dim in self.dims), self.axes, strict=True))
            axes = tuple(own.get(dim.name) for dim in new_dims)
        if planes is None and view is None:
            planes, view = self._planes, self.view
        return Cube(
            dims=new_dims,
            planes=planes,
            view=view,
            measure=self.measure if measure is None else measure,
            unit=self.unit if unit is None else unit,
            metadata=self.metadata.derived() if metadata is None else metadata,
            source=self.source,
            level=max(cube.level for cube in from_cubes) + 1 if level is None else level,
            operation=(name, version, plain(parameters)),
            inputs=from_cubes,
            axes=axes,
        )

    # -------------------------------------------------------------- arithmetic

    def __add__(self, other: Cube | Number) -> Cube:
        return self._pair(other, "sum")

    def __radd__(self, other: Number) -> Cube:
        return self._pair(other, "sum", swapped=True)

    def __sub__(self, other: Cube | Number) -> Cube:
        return self._pair(other, "sub")

    def __rsub__(self, other: Number) -> Cube:
        return self._pair(other, "sub", swapped=True)

    def __mul__(self, other: Cube | Number) -> Cube:
        return self._pair(other, "mul")

    def __rmul__(self, other: Number) -> Cube:
        return self._pair(other, "mul", swapped=True)

    def __truediv__(self, other: Cube | Number) -> Cube:
        return self._pair(other, "div")

    def __rtruediv__(self, other: Number) -> Cube:
        return self._pair(other, "div", swapped=True)

    def __neg__(self) -> Cube:
        return self._pair(-1, "mul")

    def _pair(self, other: Any, operation: str, *, swapped: bool = False) -> Cube:
        if isinstance(other, Cube):
            return combine_pair(self, other, operation)
        if isinstance(other, bool) or not isinstance(other, int | float | np.integer | np.floating):
            return NotImplemented  # type: ignore[no-any-return]
        return combine_number(self, other, operation, swapped=swapped)

    # --------------------------------------------------------------- operations

    def combine(self, other: Cube, operation: str, *, measure: str | None = None) -> Cube:
        """Combine with another cube; see `polarnight.cubes.steps.arithmetic.combine_pair`."""
        return combine_pair(self, other, operation, measure=measure)

    def subset(self, **indices: slice | Sequence[int] | int) -> Cube:
        """Return a part, by dimension name; see `polarnight.cubes.steps.subset.subset`."""
        return subset.subset(self, indices)

    def transpose(self, *names: str) -> Cube:
        """Return the cube with its axes in another order; reversed where no names are given."""
        return shape.transpose(self, names or self.names[::-1])

    def rename_dims(self, names: Mapping[str, str] | None = None, **others: str) -> Cube:
        """Return the cube with other names for some dimensions: ``old="new"``."""
        return shape.rename_dims(self, {**(names or {}), **others})

    def expand_dim(self, name: str, position: int = 0, *, type: str = "int") -> Cube:  # noqa: A002
        """Return the cube with one more dimension, of size 1."""
        return shape.expand_dim(self, name, position, type=type)

    def drop_dim(self, name: str) -> Cube:
        """Return the cube without a dimension, which must have size 1."""
        return shape.drop_dim(self, name)

    def apply(self, function: Callable[..., Any], **options: Any) -> Cube:
        """Apply a function to blocks; see `polarnight.cubes.steps.apply.apply`."""
        return apply.apply(self, function, **options)

    def reduce(self, operation: str, dim: str, **parameters: Any) -> Cube:
        """Reduce a dimension to one value; see `polarnight.cubes.steps.reduce.reduce`."""
        return reduce.reduce(self, operation, dim, **parameters)

    def block_reduce(self, operation: str, dim: str, size: int, **parameters: Any) -> Cube:
        """Reduce groups of neighbours; see `polarnight.cubes.steps.reduce.block_reduce`."""
        return reduce.block_reduce(self, operation, dim, size, **parameters)

    # ------------------------------------------------------------------- labels

    def with_unit(self, unit: str) -> Cube:
        """Return the cube in another unit, without converting anything."""
        return labels.relabel(self, unit=unit)

    def with_measure(self, measure: str) -> Cube:
        """Return the cube under another name."""
        return labels.relabel(self, measure=measure)

    def with_metadata(self, metadata: Metadata | Iterable[Card] | Mapping[str, Any]) -> Cube:
        """Return the cube with another header; its key, which is of the values, stays."""
        return labels.with_metadata(self, metadata)

    # ------------------------------------------------------------------ results

    def compute(self, runner: Runner | None = None) -> Cube:
        """Return the same cube with its arrays in memory.

        Parameters
        ----------
        runner : Runner, optional
            Where the work is done; threads of this process by default.
        """
        return labels.computed(self, runner)

    def numpy(self, runner: Runner | None = None) -> npt.NDArray[Any]:
        """Return the values."""
        return compute([self.data], runner)[0]

    def persist(self, store: CubeStore, runner: Runner | None = None) -> Cube:
        """Write the cube to a store and return it read from there."""
        return labels.with_origin(store.write(self, runner), self)

    def why_stale(self, known: Callable[[str], Recipe | None] | None = None) -> list[str]:
        """Return why it would be another cube if it were made now; see `stale.why_stale`.

        Parameters
        ----------
        known : callable, optional
            Returns recipes of keys that this process does not know, as a catalogue does.
        """
        from polarnight.cubes.store.stale import why_cube_is_stale

        return why_cube_is_stale(self, known)

    def to_fits(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        header: Any = None,
        runner: Runner | None = None,
    ) -> None:
        """Write a FITS file; see `polarnight.cubes.fits.writing.write_fits`."""
        from polarnight.cubes.fits.writing import write_fits

        write_fits(self, path, overwrite=overwrite, header=header, runner=runner)

    def to_xarray(self) -> Any:
        """Return an xarray DataArray, or a Dataset where there are variance or bits; lazy."""
        from polarnight.cubes.exports import to_xarray

        return to_xarray(self)

    def to_ccddata(self, runner: Runner | None = None) -> Any:
        """Return an `astropy.nddata.CCDData` with uncertainty, mask, header and WCS."""
        from polarnight.cubes.exports import to_ccddata

        return to_ccddata(self, runner)

    def to_dataframe(self, runner: Runner | None = None) -> Any:
        """Return a pandas DataFrame with one row for each element."""
        from polarnight.cubes.exports import to_dataframe

        return to_dataframe(self, runner)

    def _repr_html_(self) -> str:
        from polarnight.cubes.pictures import html

        return html(self)


@registered("open_fits", reading.VERSION)
def _open_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return Cube.open_fits(
        find_file(parameters["path"], parameters["content"]),
        parameters["hdu"],
        measure=parameters["measure"],
        dims=parameters["dims"],
    )
