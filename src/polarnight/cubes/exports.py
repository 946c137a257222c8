"""Cubes as objects of xarray, astropy and pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.errors import CubeError
from polarnight.frames.bits import BIT_DEFINITIONS, UNUSABLE

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from astropy.nddata import CCDData

    from polarnight.cubes.cube import Cube
    from polarnight.cubes.running.runner import Runner

__all__ = ["to_ccddata", "to_dataframe", "to_xarray"]


def to_xarray(cube: Cube) -> xr.DataArray | xr.Dataset:
    """Return the cube with names and coordinates, still lazy.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        A Dataset of the measure, ``variance`` and ``bits`` where there are any of these. The
        attributes are the header (first card of each key), ``units``, source and key.
    """
    import xarray as xr

    coordinates = {dim.name: dim.coordinates for dim in cube.dims}
    attributes: dict[str, Any] = {}
    for card in cube.metadata:
        if not card.is_commentary and card.value is not None:
            attributes.setdefault(card.key, card.value)
    attributes |= {"units": cube.unit, "source": cube.source, "key": cube.key}
    data = xr.DataArray(
        cube.data, coordinates, list(cube.names), name=cube.measure, attrs=attributes
    )
    if cube.variance is None and cube.bits is None:
        return data
    taken = {"variance", "bits"} & {cube.measure, *cube.names}
    if taken:
        raise CubeError(f"the name {sorted(taken)[0]} is that of a plane; rename it first")
    arrays: dict[str, Any] = {cube.measure: data}
    if cube.variance is not None:
        arrays["variance"] = (cube.names, cube.variance)
    if cube.bits is not None:
        flags = {
            "flag_masks": [definition.value for definition in BIT_DEFINITIONS],
            "flag_meanings": " ".join(definition.name for definition in BIT_DEFINITIONS),
        }
        arrays["bits"] = (cube.names, cube.bits, flags)
    return xr.Dataset(arrays, coordinates, attributes)


def to_ccddata(cube: Cube, runner: Runner | None = None) -> CCDData:
    """Return data, uncertainty, mask, header and celestial coordinates in memory.

    Masked is what is not finite or has one of the bits `polarnight.frames.UNUSABLE`.

    Parameters
    ----------
    cube : Cube
        Where its unit is unknown, that of the result is dimensionless.
    runner : Runner, optional
    """
    from astropy.nddata import CCDData, VarianceUncertainty

    from polarnight.cubes.fits.writing import cube_header
    from polarnight.cubes.running.runner import compute
    from polarnight.cubes.units import known_unit
    from polarnight.frames.coordinates import wcs_from_header

    arrays = iter(compute([plane for plane in cube.planes if plane is not None], runner))
    data = next(arrays)
    variance = None if cube.variance is None else next(arrays)
    mask = ~np.isfinite(data)
    if cube.bits is not None:
        mask |= np.bitwise_and(next(arrays), np.uint16(UNUSABLE)) != 0
    header = cube_header(cube)
    unit = known_unit(cube.unit)
    return CCDData(
        data,
        unit="" if unit is None else unit,
        uncertainty=None if variance is None else VarianceUncertainty(variance),
        mask=mask,
        meta=header,
        wcs=wcs_from_header(header) if cube.ndim == 2 else None,
    )


def to_dataframe(cube: Cube, runner: Runner | None = None) -> pd.DataFrame:
    """Return one row for each element, indexed by the coordinates of all dimensions.

    Columns are the measure, and ``variance`` and ``bits`` where there are any.
    """
    import pandas as pd

    from polarnight.cubes.running.runner import compute

    arrays = iter(compute([plane for plane in cube.planes if plane is not None], runner))
    columns = {cube.measure: next(arrays).reshape(-1)}
    if cube.variance is not None:
        columns["variance"] = next(arrays).reshape(-1)
    if cube.bits is not None:
        columns["bits"] = next(arrays).reshape(-1)
    coordinates = [dim.coordinates for dim in cube.dims]
    index = pd.MultiIndex.from_product(coordinates, names=list(cube.names)) if coordinates else None
    return pd.DataFrame(columns, index=index)
