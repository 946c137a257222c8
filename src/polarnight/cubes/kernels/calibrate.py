"""Bias, dark and flat applied to a raw frame, with variance and bits, in one pass."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polarnight import _native
from polarnight.cubes.fits.formats import KERNEL_FORMAT, PixelFormat
from polarnight.cubes.kernels.arrays import ArraySource, plane
from polarnight.cubes.kernels.kernel import address
from polarnight.frames.bits import Bit

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["calibrate"]

_BAND_PIXELS = 1 << 18

Floats: TypeAlias = "npt.NDArray[np.float32]"
Calibrated: TypeAlias = "tuple[Floats, Floats, npt.NDArray[np.uint16]]"

_PLANES = ("bias", "bias_variance", "dark", "dark_variance", "flat", "flat_variance", "master_bits")
_OUTPUTS = ("data", "variance", "bits")
_NUMBERS = (
    *("exptime", "exptime_squared", "read_variance", "inverse_gain"),
    *("saturation", "nonlinear", "low_flat"),
)


class _Job(ctypes.Structure):
    """``pn_calibrate_job`` of the kernels."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("rows", "nx", "row_bytes")),
        ("raw", ctypes.c_void_p),
        ("format", ctypes.c_byte * KERNEL_FORMAT.itemsize),
        *((name, ctypes.c_void_p) for name in (*_PLANES, *_OUTPUTS)),
        *((name, ctypes.c_float) for name in _NUMBERS),
        ("pad", ctypes.c_int32),
    ]


def calibrate(
    raw: npt.NDArray[Any],
    *,
    bias: npt.NDArray[np.float32] | None,
    bias_variance: npt.NDArray[np.float32] | None,
    dark: npt.NDArray[np.float32] | None,
    dark_variance: npt.NDArray[np.float32] | None,
    exptime: float,
    flat: npt.NDArray[np.float32] | None,
    flat_variance: npt.NDArray[np.float32] | None,
    master_bits: npt.NDArray[np.uint16] | None,
    gain: float,
    read_noise: float,
    saturation: float,
    nonlinear: float,
    low_flat: float,
    blank: int | None = None,
    threads: int | None = None,
    out: Calibrated | None = None,
) -> Calibrated:
    """Apply the masters to a raw frame.

    All in ADU, float32, every operation rounded once, in this order:

    * signal s = raw - bias; variance v = (read_noise/gain)^2 [+ 1/12 where the raw pixels
      are integers: the noise of rounding] + max(s, 0)/gain, + bias_variance;
    * d = s - dark * exptime, v + dark_variance * exptime^2;
    * r = d / flat, v / flat^2 + (r / flat)^2 * flat_variance; this is the usual
      v_d/f^2 + d^2 v_f/f^4 and is finite at d = 0.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx)
        Raw ADU, any integer or floating type.
    bias, bias_variance : ndarray of float32, shape (ny, nx), or None
        ADU, ADU^2. Any plane may be None: then that step is left out.
    dark, dark_variance : ndarray of float32, shape (ny, nx), or None
        Dark rate after bias, ADU/s, and its variance, (ADU/s)^2.
    exptime : float
        Seconds.
    flat, flat_variance : ndarray of float32, shape (ny, nx), or None
        Flat field, about 1, and its variance.
    master_bits : ndarray of uint16, shape (ny, nx), or None
        Bits of the masters, carried over.
    gain : float
        Electrons per ADU.
    read_noise : float
        Electrons.
    saturation, nonlinear : float
        `Bit.SATURATED` where raw >= saturation, `Bit.NONLINEAR` where raw > nonlinear.
    low_flat : float
        `Bit.LOW_FLAT` where flat < low_flat.
    blank : int, optional
        Raw integer that means "no measurement".
    threads : int, optional
        By default as many as `polarnight._native.threads` says.
    out : tuple of three ndarrays, optional
        Arrays (float32, float32, uint16) to write into; fresh memory is slow.

    Returns
    -------
    data, variance : ndarray of float32, shape (ny, nx)
        ADU, ADU^2; not a number where there is none (blank, flat not above zero, a
        master without a value).
    bits : ndarray of uint16, shape (ny, nx)
        There also `Bit.NO_DATA`.

    Raises
    ------
    ValueError
        Where shapes differ, gain is not positive, or `out` does not fit.
    """
    source = ArraySource([raw])
    image = source.planes[0]
    ny, nx = image.shape
    if not gain > 0 or not read_noise >= 0:
        msg = f"gain {gain} must be positive and read noise {read_noise} not negative"
        raise ValueError(msg)
    pixels = PixelFormat(image.dtype, blank=blank)
    given = {
        "bias": bias,
        "bias_variance": bias_variance,
        "dark": dark,
        "dark_variance": dark_variance,
        "flat": flat,
        "flat_variance": flat_variance,
        "master_bits": master_bits,
    }
    masters = {
        name: plane(given[name], name, (ny, nx), np.uint16 if name == "master_bits" else np.float32)
        for name in _PLANES
    }
    rounding = 1.0 / 12.0 if np.asanyarray(raw).dtype.kind in "iu" else 0.0
    numbers = {
        "exptime": exptime,
        "exptime_squared": exptime**2,
        "read_variance": (read_noise / gain) ** 2 + rounding,
        "inverse_gain": 1.0 / gain,
        "saturation": saturation,
        "nonlinear": nonlinear,
        "low_flat": low_flat,
    }
    outputs = _outputs(out, (ny, nx))
    rows = max(1, _BAND_PIXELS // max(nx, 1))
    kernels = _native.library()
    apply = _by_numpy if kernels is None else _by_kernel(kernels)

    def make_worker() -> Callable[[int], None]:
        def work(band: int) -> None:
            part = slice(band * rows, min(ny, (band + 1) * rows))
            cut = {name: None if p is None else p[part] for name, p in masters.items()}
            apply(image[part], pixels, cut, numbers, tuple(plane[part] for plane in outputs))

        return work

    _native.run_bands(-(-ny // rows), make_worker, threads or _native.threads())
    return outputs


def _outputs(out: Calibrated | None, shape: tuple[int, int]) -> Calibrated:
    if out is None:
        return np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.uint16)
    wanted = (np.dtype(np.float32), np.dtype(np.float32), np.dtype(np.uint16))
    arrays: tuple[npt.NDArray[Any], ...] = out
    for array, dtype in zip(arrays, wanted, strict=True):
        if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
            msg = f"out must be contiguous float32, float32 and uint16 of shape {shape}"
            raise ValueError(msg)
    return out


_Masters: TypeAlias = "dict[str, npt.NDArray[Any] | None]"
_Outputs: TypeAlias = "tuple[npt.NDArray[Any], ...]"
_Apply: TypeAlias = (
    "Callable[[npt.NDArray[Any], PixelFormat, _Masters, dict[str, float], _Outputs], None]"
)


def _by_kernel(kernels: ctypes.CDLL) -> _Apply:
    def apply(
        raw: npt.NDArray[Any],
        pixels: PixelFormat,
        masters: _Masters,
        numbers: dict[str, float],
        outputs: _Outputs,
    ) -> None:
        layout = np.array([pixels.to_kernel()], KERNEL_FORMAT).tobytes()
        job = _Job(
            rows=raw.shape[0],
            nx=raw.shape[1],
            row_bytes=raw.strides[0],
            raw=address(raw),
            format=(ctypes.c_byte * len(layout)).from_buffer_copy(layout),
            **{name: address(master) for name, master in masters.items()},
            **{name: address(output) for name, output in zip(_OUTPUTS, outputs, strict=True)},
            **numbers,
        )
        kernels.pn_calibrate(ctypes.byref(job))

    return apply


def _by_numpy(
    raw: npt.NDArray[Any],
    pixels: PixelFormat,
    masters: _Masters,
    numbers: dict[str, float],
    outputs: _Outputs,
) -> None:
    """Follow the definition literally."""
    single = {name: np.float32(number) for name, number in numbers.items()}
    bias, bias_variance, dark, dark_variance, flat, flat_variance, master_bits = (
        masters[name] for name in _PLANES
    )
    with np.errstate(all="ignore"):
        data: npt.NDArray[Any] = pixels.values(raw)
        bits = np.zeros(raw.shape, np.uint16) if master_bits is None else master_bits.copy()
        bits[data >= single["saturation"]] |= np.uint16(Bit.SATURATED)
        bits[data > single["nonlinear"]] |= np.uint16(Bit.NONLINEAR)
        if bias is not None:
            data = data - bias
        signal = np.where(data > 0, data, np.float32(0.0))
        variance: npt.NDArray[Any] = single["read_variance"] + signal * single["inverse_gain"]
        if bias_variance is not None:
            variance = variance + bias_variance
        if dark is not None:
            data = data - dark * single["exptime"]
        if dark_variance is not None:
            variance = variance + dark_variance * single["exptime_squared"]
        if flat is not None:
            bits[flat < single["low_flat"]] |= np.uint16(Bit.LOW_FLAT)
            divisor = np.where(flat > 0, flat, np.float32(np.nan))
            data = data / divisor
            variance = variance / (divisor * divisor)
            if flat_variance is not None:
                ratio = data / flat
                variance = variance + (ratio * ratio) * flat_variance
        good = np.isfinite(data) & np.isfinite(variance)
        bits[~good] |= np.uint16(Bit.NO_DATA)
        outputs[0][:] = np.where(good, data, np.float32(np.nan))
        outputs[1][:] = np.where(good, variance, np.float32(np.nan))
        outputs[2][:] = bits
