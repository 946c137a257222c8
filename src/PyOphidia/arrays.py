"""The numbers of a cube, for Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from PyOphidia.calls import Calls
from PyOphidia.faults import plain

if TYPE_CHECKING:
    from polarnight.cubes import Cube as EngineCube
    from polarnight.ophidia.engine.workbench import Axes

__all__ = ["Arrays"]


class Arrays(Calls):
    """A cube as arrays, tables and objects of other packages."""

    def _opened(self) -> tuple[EngineCube, Axes]:
        return self._connected().open_cube(str(self.pid))

    @plain
    def to_cube(self) -> EngineCube:
        """Return the cube of the engine behind this one: lazy, with metadata, bits and noise."""
        return self._opened()[0]

    @plain
    def to_dataset(self) -> Any:
        """Return an `xarray.Dataset`, lazy, with variance and bits where the cube has them."""
        cube = self.to_cube()
        found = cube.to_xarray()
        return found if hasattr(found, "data_vars") else found.to_dataset(name=cube.measure)

    @plain
    def to_dataframe(self) -> Any:
        """Return a `pandas.DataFrame` with one row for each element."""
        return self.to_cube().to_dataframe()

    @plain
    def to_ccddata(self) -> Any:
        """Return an `astropy.nddata.CCDData` with unit, uncertainty, mask, WCS and header."""
        return self.to_cube().to_ccddata()

    @plain
    def export_array(
        self,
        show_id: str = "no",
        show_time: str = "no",
        subset_dims: str | None = None,
        subset_filter: str | None = None,
        time_filter: str = "no",
    ) -> dict[str, Any]:
        """Return axes and values as arrays of numpy.

        Parameters
        ----------
        show_id, show_time, time_filter : str
            Kept for old scripts.
        subset_dims, subset_filter : str, optional
            What to cut out, by coordinates, as in ``oph_subset``.

        Returns
        -------
        dict
            ``dimension``: for each axis its ``name`` and ``values``, explicit ones first;
            ``measure``: one entry with ``name`` and ``values``, one row for each combination of
            explicit coordinates and further axes for the implicit ones.
        """
        cube, axes = self._opened()
        if subset_dims is not None and subset_filter is not None:
            cube = _cut(cube, subset_dims, subset_filter)
        names = [name for name in axes.names if name in cube.names]
        values = cube.transpose(*names).numpy() if names else cube.numpy()
        inner = [cube.dim(name).size for name in axes.implicit if name in cube.names]
        return {
            "dimension": [{"name": n, "values": cube.dim(n).coordinates} for n in names],
            "measure": [{"name": cube.measure, "values": values.reshape(-1, *inner)}],
        }


def _cut(cube: EngineCube, dims: str, filters: str) -> EngineCube:
    """Return the part whose coordinates are those of filters such as ``5,10:20`` or ``1:2:9``.

    Raises
    ------
    RuntimeError
        Where a filter cannot be read, or there are not as many as axes.
    """
    names, texts = dims.split("|"), filters.split("|")
    if len(names) != len(texts):
        msg = f"{len(names)} axes in {dims!r}, {len(texts)} filters in {filters!r}; give one each"
        raise RuntimeError(msg)
    chosen = {}
    for name, text in zip(names, texts, strict=True):
        at = cube.dim(name.strip()).coordinates
        taken = np.zeros(at.shape, dtype=bool)
        for part in text.split(","):
            try:
                low, step, high = _limits([float(number) for number in part.split(":")])
            except ValueError as error:
                msg = f"{part!r} in {filters!r} is none of a, a:b, a:step:b"
                raise RuntimeError(msg) from error
            inside = (at >= low) & (at <= high)
            taken[np.flatnonzero(inside)[::step]] = True
        chosen[name.strip()] = [int(position) for position in np.flatnonzero(taken)]
    return cube.subset(**chosen)


def _limits(numbers: list[float]) -> tuple[float, int, float]:
    if len(numbers) not in (1, 2, 3):
        raise ValueError
    step = int(numbers[1]) if len(numbers) == 3 else 1
    if step < 1:
        raise ValueError
    return numbers[0], step, numbers[-1]
