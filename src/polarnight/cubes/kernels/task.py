"""Carrying out a combination: bands of rows, by the kernel or by numpy."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polarnight import _native
from polarnight.cubes.fits.formats import KERNEL_FORMAT, PixelFormat
from polarnight.cubes.kernels.arrays import ArraySource, Source, WideSource
from polarnight.cubes.kernels.describe import PROPAGATED, STATISTICS, kernel_order
from polarnight.cubes.kernels.factors import combining_factors
from polarnight.cubes.kernels.kernel import CENTRES, CombineJob, address
from polarnight.cubes.kernels.networks import median_network, quantile_network, sorting_network
from polarnight.cubes.kernels.reference import Rules, combine_values
from polarnight.frames.bits import UNUSABLE, Bit

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CombineTask"]

# Bytes of raw pixels a thread works on at once: enough that calls cost nothing, few
# enough that they stay in the cache between reading and sorting.
_BAND_BYTES = 1 << 20

# The kernels number frames with 16 bits; of very many values numpy sorts faster.
_MOST_FRAMES = 65535
_MOST_SORTED = 4096

_DOUBLE = np.dtype(np.float64)
_SORTED = frozenset({"median", "mad", "quantile"})

Bands: TypeAlias = Callable[[int, int], None]


@dataclass
class CombineTask:
    """What is to be combined, all arguments in the form the kernels want.

    Parameters
    ----------
    source : Source
    rules : Rules
    bias, dark : ndarray of float32, shape (ny, nx), or None
    dark_scale, scale : ndarray of float32, shape (n,), or None
    bits : list of ndarray of uint16 or None, or None
    variance : list of ndarray of float32, or None
    saturation : float (not a number for none)
    corrected : bool
        Whether the variance allows for what rejection and clipping do to it.
    wide : bool
        Whether values are float64, for pixels that float32 does not hold exactly; then
        bias, dark, scales and variance are float64 as well.
    """

    source: Source
    rules: Rules
    bias: npt.NDArray[np.float32] | None = None
    dark: npt.NDArray[np.float32] | None = None
    dark_scale: npt.NDArray[np.float32] | None = None
    scale: npt.NDArray[np.float32] | None = None
    bits: list[npt.NDArray[Any] | None] | None = None
    variance: list[npt.NDArray[Any] | None] | None = None
    saturation: float = np.nan
    corrected: bool = True
    wide: bool = False

    def __post_init__(self) -> None:
        self.real: type[np.floating[Any]] = np.float64 if self.wide else np.float32
        if self.wide and any(one != PixelFormat(_DOUBLE) for one in self._different_formats()):
            self.source = WideSource(self.source)

    def _different_formats(self) -> list[PixelFormat]:
        """Return the formats, each object once: of thousands of frames it is often one."""
        return list({id(pixels): pixels for pixels in self.source.formats}.values())

    def run(self, n_threads: int | None) -> tuple[npt.NDArray[Any], ...]:
        """Combine; returns value, variance, count and bits."""
        n, ny, nx = self.source.shape
        self.factors = combining_factors(self.rules.centre, n)
        if self.corrected and self.rules.selects:
            self.factors *= selection_correction(self.rules, n, self.variance is not None)
        scale = np.ones(n, self.real) if self.scale is None else self.scale
        self.variance_scale = scale.astype(np.float64) ** 2
        self.value = np.empty((ny, nx), self.real)
        # No memory is spent on a plane of nothing but NaN, and none of it is written.
        self.out_variance: npt.NDArray[Any] = np.broadcast_to(self.real(np.nan), (ny, nx))
        if self._finds_variance():
            self.out_variance = np.empty((ny, nx), self.real)
        self.count = np.empty((ny, nx), np.uint16 if n <= _MOST_FRAMES else np.uint32)
        self.out_bits = np.zeros((ny, nx), np.uint16)
        row_bytes = nx * sum(pixels.stored.itemsize for pixels in self.source.formats)
        rows = min(ny, max(1, _BAND_BYTES // max(row_bytes, 1)))
        kernels = _native.library() if self._for_kernel() else None
        kernel_maker = None if kernels is None else self._by_kernel(kernels, rows)

        def make_worker() -> Callable[[int], None]:
            work = self._by_numpy(rows) if kernel_maker is None else kernel_maker()
            return lambda band: work(band * rows, min(ny, (band + 1) * rows))

        _native.run_bands(-(-ny // rows), make_worker, n_threads or _native.threads())
        return self.value, self.out_variance, self.count, self.out_bits

    def _finds_variance(self) -> bool:
        centre = self.rules.centre
        if centre in PROPAGATED:
            return self.variance is not None
        return centre not in STATISTICS and centre not in {"min", "max"}

    def _for_kernel(self) -> bool:
        """Return whether the kernels do this one."""
        n, rules = self.source.shape[0], self.rules
        if rules.centre in PROPAGATED and self.variance is not None:
            return False
        if rules.centre.endswith("moment") and not kernel_order(rules.parameter):
            return False
        return n <= (_MOST_SORTED if self._sorts() else _MOST_FRAMES)

    def _sorts(self) -> bool:
        return self.rules.selects or self.rules.centre in _SORTED

    def _networks(self, n: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
        """Return the exchanges for sorting, and those for the rank wanted alone."""
        if not self._sorts():
            return sorting_network(1), sorting_network(1)
        if self.rules.centre == "mad":
            return sorting_network(n), sorting_network(n)
        if self.rules.centre == "quantile":
            return sorting_network(n), quantile_network(n, self.rules.parameter)
        return sorting_network(n), median_network(n)

    def _by_kernel(self, kernels: ctypes.CDLL, rows: int) -> Callable[[], Bands]:
        """Return what makes the worker of a thread, its buffers with it."""
        n, _, nx = self.source.shape
        if self.dark_scale is None:
            self.dark_scale = np.ones(n, self.real)
        told = {id(pixels): pixels.to_kernel() for pixels in self._different_formats()}
        formats = np.array([told[id(pixels)] for pixels in self.source.formats], KERNEL_FORMAT)
        network, shorter = self._networks(n)
        finds = self._finds_variance()
        real_bytes = np.dtype(self.real).itemsize
        combine = kernels.pn_combine_double if self.wide else kernels.pn_combine
        scratch_bytes = (
            kernels.pn_combine_double_scratch if self.wide else kernels.pn_combine_scratch
        )(n)
        bits = None if self.bits is None else _starts(self.bits)
        variance = None if self.variance is None else _starts(self.variance)
        rules = self.rules

        def make() -> Bands:
            reader = self.source.reader(rows)
            scratch = np.empty(scratch_bytes, np.uint8)
            job = CombineJob(
                n=n,
                nx=nx,
                format=address(formats),
                dark_scale=address(self.dark_scale),
                scale=address(self.scale),
                variance_scale=address(self.variance_scale),
                factor=address(self.factors),
                network=address(network),
                shorter=address(shorter),
                n_network=len(network),
                n_shorter=len(shorter),
                scratch=address(scratch),
                saturation=self.saturation,
                nsigma=rules.nsigma,
                min_sigma=rules.min_sigma,
                unusable=UNUSABLE,
                method=CENTRES[rules.centre],
                reject_low=rules.reject_low,
                reject_high=rules.reject_high,
                max_iterations=rules.max_iterations,
                parameter=rules.parameter,
                saturation_double=self.saturation,
                nsigma_double=rules.nsigma,
                min_sigma_double=rules.min_sigma,
            )
            # The job knows arrays by address alone; this keeps them alive as long as it.
            job.owned = (scratch, formats, network, shorter)

            def work(y0: int, y1: int) -> None:
                src, strides = reader.addresses(y0, y1)
                band_bits = None if bits is None else np.where(bits, bits + y0 * nx * 2, 0)
                band_variance = None if variance is None else variance + y0 * nx * real_bytes
                job.rows = y1 - y0
                job.src, job.row_bytes = address(src), address(strides)
                job.bits, job.variance = address(band_bits), address(band_variance)
                job.bias = None if self.bias is None else address(self.bias[y0:])
                job.dark = None if self.dark is None else address(self.dark[y0:])
                job.value = address(self.value[y0:])
                job.out_variance = address(self.out_variance[y0:]) if finds else None
                job.count = address(self.count[y0:])
                job.out_bits = address(self.out_bits[y0:])
                combine(ctypes.byref(job))

            return work

        return make

    def _by_numpy(self, rows: int) -> Bands:
        """Return the worker of a thread that follows the definition literally."""
        reader = self.source.reader(rows)
        finds = self._finds_variance()

        def work(y0: int, y1: int) -> None:
            values, flags = self._prepare(reader.stored(y0, y1), y0, y1)
            usable = (flags & np.uint16(UNUSABLE)) == 0
            variances = None
            if self.variance is not None:
                variances = [
                    plane[y0:y1].astype(np.float64) * scale
                    for plane, scale in zip(self.variance, self.variance_scale, strict=True)
                    if plane is not None
                ]
            value, spread, count = combine_values(
                values, usable, self.rules, self.factors, variances
            )
            self.value[y0:y1], self.count[y0:y1] = value, count
            if finds:
                self.out_variance[y0:y1] = spread
            used = np.where(usable, flags, np.uint16(0xFFFF)).min(axis=0)
            lost = flags.min(axis=0) | np.uint16(Bit.NO_DATA)
            self.out_bits[y0:y1] = np.where(usable.any(axis=0), used, lost)

        return work

    def _prepare(
        self, stored: list[npt.NDArray[Any]], y0: int, y1: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint16]]:
        """Return calibrated values and bits of a band, shape (n, rows, nx)."""
        n, _, nx = self.source.shape
        values = np.empty((n, y1 - y0, nx), self.real)
        flags = np.zeros((n, y1 - y0, nx), np.uint16)
        with np.errstate(over="ignore", invalid="ignore"):
            for i, (rows, pixels) in enumerate(zip(stored, self.source.formats, strict=True)):
                value: npt.NDArray[Any] = rows if self.wide else pixels.values(rows)
                plane = None if self.bits is None else self.bits[i]
                if plane is not None:
                    flags[i] = plane[y0:y1]
                flags[i][value >= self.real(self.saturation)] |= np.uint16(Bit.SATURATED)
                if self.bias is not None:
                    value = value - self.bias[y0:y1]
                if self.dark is not None:
                    factor = self.real(1.0) if self.dark_scale is None else self.dark_scale[i]
                    value = value - self.dark[y0:y1] * factor
                if self.scale is not None:
                    value = value * self.scale[i]
                flags[i][~np.isfinite(value)] |= np.uint16(Bit.NO_DATA)
                # Adding zero makes -0 into +0, so that equal values have equal bits.
                values[i] = value + self.real(0.0)
        return values, flags


def _starts(planes: list[npt.NDArray[Any] | None]) -> npt.NDArray[np.uint64]:
    """Return where planes begin, 0 for none."""
    return np.array([address(plane) or 0 for plane in planes], np.uint64)


@functools.lru_cache(maxsize=64)
def selection_correction(rules: Rules, n: int, given: bool, floor: float = 1.0) -> float:
    """Return by how much rejection and clipping make the variance of the result wrong.

    They leave out what lies far out by chance as well: the scatter of the rest is too
    small, and the result noisier than the number kept promises. Measured on normal noise
    by the same rules, always the same numbers; relative to the plain mean of the same
    noise, whose variance is known, so that a few thousand columns give one per cent.

    Parameters
    ----------
    rules : Rules
        A `min_sigma` is taken for the noise of one value, or for `floor` times that.
    n : int
        Number of frames.
    given : bool
        Whether variances are given, or the scatter of the values serves.
    floor : float

    Returns
    -------
    float
        True variance over the uncorrected one; 1 where there is none.
    """
    columns = max(4000, 200_000 // n)
    noise = np.random.default_rng(n).standard_normal((n, 1, columns), np.float32)
    source = ArraySource(noise)
    ones: list[npt.NDArray[Any] | None] = [np.ones((1, columns), np.float32)] * n
    unit = replace(rules, min_sigma=floor if rules.min_sigma > 0 else 0.0)
    plain = CombineTask(source, Rules("mean"), corrected=False).run(1)
    chosen = CombineTask(source, unit, variance=ones if given else None, corrected=False).run(1)
    known = np.isfinite(chosen[1])
    if not known.any():
        return 1.0
    truth = float(np.var(chosen[0], dtype=np.float64) / np.var(plain[0], dtype=np.float64)) / n
    return truth / float(np.mean(chosen[1][known], dtype=np.float64))
