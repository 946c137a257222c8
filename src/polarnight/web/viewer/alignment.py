"""How one frame is laid over another to be compared with it: by the sky, else pixel on pixel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from polarnight.db.models.frames import ReducedFit
from polarnight.web.viewer import sky
from polarnight.web.viewer.opening import locate
from polarnight.web.viewer.planes import load

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from polarnight.web.viewer.opening import FrameRow

__all__ = ["Alignment", "align", "fit"]

_SIDE = 7
"""Places along each side of the frame that tell how it lies."""

_IDENTITY: Final = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

Matrix: TypeAlias = tuple[float, float, float, float, float, float]
Shape: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Alignment:
    """Where the pixels of a frame lie on another.

    Attributes
    ----------
    matrix : tuple of float
        (a, b, c, d, e, f) of x' = a x + c y + e, y' = b x + d y + f, in pixels of FITS.
    by_sky : bool
        Whether both plate solutions tell it.
    rms : float or None
        What distortions leave of it, in pixels.
    why : str
        Why it is not by the sky.
    """

    matrix: Matrix
    by_sky: bool = False
    rms: float | None = None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return asdict(self)


def align(row: FrameRow, base: FrameRow) -> Alignment:
    """Return how a frame lies on another one.

    Parameters
    ----------
    row, base : FrameRow
        Coordinates count of reduced frames that were solved alone: those in the headers of raw
        frames are where the telescope believed to point.
    """
    if not (_is_solved(row) and _is_solved(base)):
        return Alignment(_IDENTITY, why="not both have a plate solution")
    found, ground = load(locate(row)), load(locate(base))
    wcs, wcs_base = sky.read_wcs(found.header, ""), sky.read_wcs(ground.header, "")
    if wcs is None or wcs_base is None:
        return Alignment(_IDENTITY, why="a plate solution cannot be read")
    return fit(wcs, found.shape, wcs_base, ground.shape)


def fit(wcs: WCS, shape: Shape, wcs_base: WCS, shape_base: Shape) -> Alignment:
    """Return the affine transformation from the pixels of `wcs` to those of `wcs_base`."""
    places = _grid(shape)
    targets = np.array([_carry(wcs, wcs_base, x, y) for x, y in places])
    good = np.isfinite(targets).all(axis=1)
    # Few places are left where the frames are far apart on the sky.
    if good.sum() < len(places) // 2:
        return Alignment(_IDENTITY, why="they show different parts of the sky")
    design = np.column_stack([places[good], np.ones(good.sum())])
    solution = np.linalg.lstsq(design, targets[good], rcond=None)[0]
    rest = design @ solution - targets[good]
    if not _meet(solution, shape, shape_base):
        return Alignment(_IDENTITY, why="they show different parts of the sky")
    a, b, c, d, e, f = (float(value) for value in solution.ravel())
    return Alignment((a, b, c, d, e, f), True, float(np.sqrt((rest**2).sum(axis=1).mean())))


def _is_solved(row: FrameRow) -> bool:
    return isinstance(row, ReducedFit) and row.solved


def _grid(shape: Shape) -> npt.NDArray[np.float64]:
    """Return places (x, y) all over a frame, as FITS counts."""
    rows, columns = shape
    x, y = np.meshgrid(np.linspace(1, columns, _SIDE), np.linspace(1, rows, _SIDE))
    return np.column_stack([x.ravel(), y.ravel()])


def _carry(wcs: WCS, wcs_base: WCS, x: float, y: float) -> tuple[float, float]:
    place = sky.pixel_to_sky(wcs, x, y)
    return (place and sky.sky_to_pixel(wcs_base, *place)) or (np.nan, np.nan)


def _meet(solution: npt.NDArray[np.float64], shape: Shape, shape_base: Shape) -> bool:
    """Whether a place of the one frame lies in the other."""
    matrix, shift = solution[:2], solution[2]
    there = _grid(shape) @ matrix + shift
    back = (_grid(shape_base) - shift) @ np.linalg.inv(matrix)
    return _any_in(there, shape_base) or _any_in(back, shape)


def _any_in(places: npt.NDArray[np.float64], shape: Shape) -> bool:
    inside = (places >= 0.5) & (places < np.array(shape[::-1]) + 0.5)
    return bool(inside.all(axis=1).any())
