"""Pictures of results and apertures, with the ETags under which browsers may keep them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from polarnight.db.models import AperPhotResult, PhotoPolResult
from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.diagnostics.apertures import (
    CutOut,
    cut_out,
    plot_aperture,
    plot_thumbnail,
)
from polarnight.pipeline.diagnostics.calibrators import plot_zero_point, zero_point_of
from polarnight.pipeline.diagnostics.cycles import cycle_of
from polarnight.pipeline.diagnostics.modulation import plot_modulation
from polarnight.web.plots.picture import Kind
from polarnight.web.viewer.opening import locate
from polarnight.web.viewer.planes import load
from polarnight.web.viewer.problems import NotFound
from polarnight.web.viewer.tiles import etag

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "aperture_picture",
    "aperture_tag",
    "modulation_picture",
    "result_tag",
    "thumbnail",
    "zero_point_picture",
]

_VERSION = 1  # of the drawings


def result_tag(row: PhotoPolResult, *what: object) -> str:
    """Return the ETag of what is drawn of a result."""
    return etag(row.modified.isoformat(), _VERSION, row.pk, *what)


def aperture_tag(row: AperPhotResult, *what: object) -> str:
    """Return the ETag of what is drawn of an aperture.

    Raises
    ------
    ViewerError
        Where the file of the frame is not there.
    """
    return etag(locate(row.reducedfit).version, _VERSION, row.modified.isoformat(), row.pk, *what)


def modulation_picture(row: PhotoPolResult, kind: Kind, *, all_methods: bool = True) -> bytes:
    """Draw the modulation of a result.

    Raises
    ------
    AlgorithmFailed
        Where it has none.
    """
    return _saved(plot_modulation(cycle_of(row), all_methods=all_methods, title=_title(row)), kind)


def zero_point_picture(row: PhotoPolResult, kind: Kind) -> bytes:
    """Draw what the calibrators of a result said.

    Raises
    ------
    AlgorithmFailed
        Where it has no zero point.
    """
    return _saved(plot_zero_point(zero_point_of(row), title=_title(row)), kind)


def aperture_picture(row: AperPhotResult, kind: Kind) -> bytes:
    """Draw the diagnostic of an aperture, two by two.

    Raises
    ------
    ViewerError, BadFrame
        Where the frame cannot be read.
    AlgorithmFailed
        Where the aperture has no place in it.
    """
    frame = row.reducedfit
    pair = {"O": "", "E": ", extraordinary image"}[row.pairs]
    title = f"{row.astrosource.name}{pair} in {frame.fileloc}, {frame.band}"
    return _saved(plot_aperture(_cut(row), title=title), kind)


def thumbnail(row: AperPhotResult) -> bytes:
    """Draw the cut-out of an aperture alone, small; errors are those of `aperture_picture`."""
    return _saved(plot_thumbnail(_cut(row)), "png")


def _cut(row: AperPhotResult) -> CutOut:
    given = (row.x_px, row.y_px, row.aperpix, row.r_in, row.r_out)
    if any(value is None for value in given):
        msg = "the aperture has no place or no radii"
        raise AlgorithmFailed(msg)
    x, y, *radii = (float(value) for value in given if value is not None)
    image = load(locate(row.reducedfit))
    planes = image.planes
    try:
        return cut_out(
            planes["sci"], (x, y), (radii[0], radii[1], radii[2]), variance=planes.get("var"),
            bits=planes.get("bits"),
            pixel_scale=row.reducedfit.pixscale or row.reducedfit.pixel_scale,
        )  # fmt: skip
    except ValueError as error:
        raise NotFound(str(error)) from error


def _title(row: PhotoPolResult) -> str:
    name = f"{row.astrosource.name}  {row.instrument} {row.band}"
    return f"{name}  {row.epoch.epochname}  result {row.pk}"


def _saved(figure: Figure, kind: Kind) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format=kind, dpi=100)
    return target.getvalue()
