"""Where a frame points when nothing is known of it: astrometry.net, where it is installed.

The Python package `astrometry` (the code of astrometry.net: Lang et al. 2010, AJ 139, 1782)
is under the GPL and needs large index files, so it is an extra and never loaded unless asked
for. All that is taken from it is a place to look at: the solution itself, and the evidence for
it, come from `polarnight.astrometry.plates.solve` and our own star catalogues.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from polarnight.astrometry.detection.detections import DetectionFlag, Detections
from polarnight.errors import AlgorithmFailed, ConfigError

__all__ = ["INDEX_FOLDER", "blind_pointing"]

INDEX_FOLDER = "astrometry.net"
"""Folder of index files beside the star catalogues."""

_MOST_SOURCES = 150
_LOG_ODDS = 21.0  # a chance of 1 in 10^9


def blind_pointing(
    detections: Detections,
    stars: str | Path,
    *,
    shape: tuple[int, int],
    pixel_scale: float,
    scale_tolerance: float = 0.05,
) -> tuple[float, float, str]:
    """Find out where a frame points from nothing but its stars.

    Parameters
    ----------
    detections : Detections
    stars : str or Path
        Directory of the star catalogues; index files of astrometry.net are expected in its
        folder ``astrometry.net``.
    shape : tuple of int
        (ny, nx) of the frame.
    pixel_scale, scale_tolerance : float
        Arcsec per pixel, and its relative uncertainty.

    Returns
    -------
    ra, dec, label
        Centre of the frame in degrees, as one of the pointings of `solve`.

    Raises
    ------
    ConfigError
        Where the package or the index files are absent.
    AlgorithmFailed
        Where astrometry.net finds nothing.
    """
    package = _package()
    folder = Path(stars) / INDEX_FOLDER
    files = sorted(folder.glob("*.fits"))
    if not files:
        msg = (
            f"{folder}: no index files of astrometry.net, which astrometry.blind needs; put those "
            "of series 5200 with the scales of your fields there, or set astrometry.blind to false"
        )
        raise ConfigError(msg)
    unlike = np.uint16(DetectionFlag.MASKED | DetectionFlag.NOT_STELLAR)
    chosen = detections.select((detections.flags & unlike) == 0)
    chosen = chosen.select(np.arange(min(len(chosen), _MOST_SOURCES)))
    if len(chosen) < 4:
        msg = "too few sources for a blind search"
        raise AlgorithmFailed(msg, sources=len(chosen))
    factor = 1.0 + scale_tolerance
    with package.Solver(files) as solver:
        solution = solver.solve(
            stars=(chosen.xy + 1.0).tolist(),  # pixels from 1, as in FITS
            size_hint=package.SizeHint(pixel_scale / factor, pixel_scale * factor),
            position_hint=None,
            solution_parameters=package.SolutionParameters(
                sip_order=0, tune_up_logodds_threshold=None, output_logodds_threshold=_LOG_ODDS
            ),
        )
    if not solution.has_match():
        msg = "the blind search found no place on the sky"
        raise AlgorithmFailed(msg, sources=len(chosen), index_files=len(files))
    ny, nx = shape
    wcs = solution.best_match().astropy_wcs()
    ra, dec = wcs.all_pix2world((nx + 1) / 2.0, (ny + 1) / 2.0, 1)
    return float(ra) % 360.0, float(dec), "blind search"


def _package() -> Any:
    try:
        return importlib.import_module("astrometry")
    except ImportError as error:
        msg = (
            "astrometry.blind is set, but the package astrometry is not installed: "
            "pip install 'polarnight[blind]', or set astrometry.blind to false"
        )
        raise ConfigError(msg) from error
