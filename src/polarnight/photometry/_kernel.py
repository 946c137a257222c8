"""The compiled side of apertures and centroids."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight._native import library, run_bands, threads
from polarnight.photometry._reference import CentroidSearch, RawCentroids, RawSums, SkyClipping

__all__ = ["native_centroids", "native_sums"]

FloatArray = npt.NDArray[np.float64]

_SOURCES_PER_TASK = 64


def _pointer(array: npt.NDArray[Any] | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if array is None else array.ctypes.data)


def _whole(value: int) -> ctypes.c_int64:
    return ctypes.c_int64(value)


def _real(value: float) -> ctypes.c_double:
    return ctypes.c_double(value)


def _in_parts(n: int, n_threads: int | None, run: Callable[[int, int], None]) -> None:
    def make_worker() -> Callable[[int], None]:
        def worker(part: int) -> None:
            run(part * _SOURCES_PER_TASK, min(n, (part + 1) * _SOURCES_PER_TASK))

        return worker

    parts = -(-n // _SOURCES_PER_TASK)
    run_bands(parts, make_worker, threads() if n_threads is None else n_threads)


def native_sums(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32] | None,
    bits: npt.NDArray[np.uint16] | None,
    exclude: npt.NDArray[np.bool_] | None,
    xy: FloatArray,
    radii: FloatArray,
    annulus: tuple[float, float] | None,
    clipping: SkyClipping,
    n_threads: int | None,
) -> RawSums | None:
    """Compiled `polarnight.photometry._reference.reference_sums`; None without library.

    Raises
    ------
    MemoryError
        Where the kernel found no room for one annulus.
    """
    kernels = library()
    if kernels is None or not hasattr(kernels, "pn_apertures"):
        return None
    n, n_radii = len(xy), len(radii)
    sums = RawSums.empty(n, n_radii)
    ny, nx = data.shape
    inner, outer = annulus if annulus is not None else (0.0, 0.0)
    kernels.pn_apertures.restype = ctypes.c_int64

    def run(first: int, last: int) -> None:
        failed = kernels.pn_apertures(
            _pointer(data),
            _pointer(variance),
            _pointer(bits),
            _pointer(exclude),
            _whole(ny),
            _whole(nx),
            _whole(clipping.unusable),
            _pointer(xy),
            _whole(first),
            _whole(last),
            _pointer(radii),
            _whole(n_radii),
            _real(inner),
            _real(outer),
            _real(clipping.clip),
            _whole(clipping.iterations),
            _pointer(sums.flux),
            _pointer(sums.variance),
            _pointer(sums.area),
            _pointer(sums.bits),
            _pointer(sums.level),
            _pointer(sums.scatter),
            _pointer(sums.n_sky),
        )
        if failed:
            raise MemoryError

    _in_parts(n, n_threads, run)
    return sums


def native_centroids(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32] | None,
    xy: FloatArray,
    sky: FloatArray,
    search: CentroidSearch,
    n_threads: int | None,
) -> RawCentroids | None:
    """Compiled `polarnight.photometry._reference.reference_centroids`, or None."""
    kernels = library()
    if kernels is None or not hasattr(kernels, "pn_centroids"):
        return None
    n = len(xy)
    ny, nx = data.shape
    found = RawCentroids(np.full((n, 5), np.nan), np.zeros(n, dtype=np.int64))
    kernels.pn_centroids.restype = None

    def run(first: int, last: int) -> None:
        kernels.pn_centroids(
            _pointer(data),
            _pointer(variance),
            _whole(ny),
            _whole(nx),
            _pointer(xy),
            _pointer(sky),
            _whole(first),
            _whole(last),
            _real(search.sigma),
            _real(search.reach),
            _whole(search.rounds),
            _real(search.tolerance),
            _pointer(found.values),
            _pointer(found.steps),
        )

    _in_parts(n, n_threads, run)
    return found
