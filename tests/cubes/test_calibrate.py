"""Applying masters: the kernel equals the reference, and both the formulas."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight import _native
from polarnight.cubes import calibrate
from polarnight.frames import Bit

NOTHING = dict.fromkeys(
    ("bias", "bias_variance", "dark", "dark_variance", "flat", "flat_variance", "master_bits")
) | {
    "exptime": 1.0,
    "gain": 2.0,
    "read_noise": 6.0,
    "saturation": np.inf,
    "nonlinear": np.inf,
    "low_flat": 0.0,
}


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def bits_of(plane):
    if plane.dtype != np.float32:
        return plane
    return np.where(np.isnan(plane), np.uint32(1), plane.view(np.uint32))


def same_bits(a, b):
    np.testing.assert_array_equal(bits_of(a), bits_of(b))


def by_both(raw, **arguments):
    assert _native.library() is not None, "the kernels are not built here"
    kernel = calibrate(raw, **(NOTHING | arguments))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLARNIGHT_NO_NATIVE", "1")
        reference = calibrate(raw, **(NOTHING | arguments))
    for one, other in zip(kernel, reference, strict=True):
        same_bits(one, other)
    return kernel


def masters(rng, shape):
    flat = rng.normal(1, 0.2, shape).astype("f4")
    flat[0, :3] = [0, -0.5, np.nan]
    return {
        "bias": rng.normal(300, 2, shape).astype("f4"),
        "bias_variance": rng.uniform(0.5, 1, shape).astype("f4"),
        "dark": rng.normal(0.1, 0.02, shape).astype("f4"),
        "dark_variance": rng.uniform(0, 1e-4, shape).astype("f4"),
        "flat": flat,
        "flat_variance": rng.uniform(0, 1e-4, shape).astype("f4"),
        "master_bits": np.where(rng.random(shape) < 0.1, Bit.BAD_PIXEL, 0).astype("u2"),
    }


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", ">i2", "i4", "f4", ">f4", "f8"])
@pytest.mark.parametrize("width", [1, 255, 600])
def test_kernel_equals_reference_and_formulas(rng, dtype, width):
    shape = (11, width + 3)
    raw = rng.integers(100 if dtype == "u1" else 250, 250 if dtype == "u1" else 30000, shape)
    raw = raw.astype(dtype)
    m = masters(rng, shape)
    data, variance, bits = by_both(
        raw, **m, exptime=30.0, saturation=29000.0, nonlinear=25000.0, low_flat=0.7
    )
    wide = {k: v.astype(float) for k, v in m.items()}
    signal = raw - wide["bias"]
    expected = signal - 30 * wide["dark"]
    spread = 9 + np.maximum(signal, 0) / 2 + wide["bias_variance"] + 900 * wide["dark_variance"]
    spread += 1 / 12 if raw.dtype.kind in "iu" else 0
    flat = np.where(wide["flat"] > 0, wide["flat"], np.nan)
    with np.errstate(invalid="ignore"):
        spread = spread / flat**2 + expected**2 * wide["flat_variance"] / flat**4
    np.testing.assert_allclose(data, expected / flat, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(variance, spread, rtol=1e-5)
    lost = np.isnan(flat)
    assert lost.sum() >= 3
    np.testing.assert_array_equal(bits & Bit.NO_DATA != 0, lost)
    np.testing.assert_array_equal(bits & Bit.SATURATED != 0, raw >= 29000)
    np.testing.assert_array_equal(bits & Bit.NONLINEAR != 0, raw > 25000)
    np.testing.assert_array_equal(bits & Bit.LOW_FLAT != 0, m["flat"] < np.float32(0.7))
    np.testing.assert_array_equal(bits & Bit.BAD_PIXEL, m["master_bits"])


@pytest.mark.parametrize("left_out", ["bias", "dark", "flat", "master_bits", "flat_variance"])
def test_any_plane_may_be_absent(rng, left_out):
    raw = rng.integers(0, 65536, (5, 300)).astype("u2")
    m = masters(rng, raw.shape) | {left_out: None}
    by_both(raw, **m, exptime=10.0, low_flat=0.7)


def test_nothing_to_apply():
    raw = np.array([[0, 100, 65535]], np.uint16)
    data, variance, bits = by_both(raw)
    np.testing.assert_array_equal(data, raw)
    np.testing.assert_allclose(variance, 9 + 1 / 12 + raw / 2, rtol=1e-6)
    assert not bits.any()


def test_blank_pixels_are_no_data():
    raw = np.array([[0, -32768, 7]], np.int16)
    data, variance, bits = by_both(raw, blank=-32768)
    assert bits.tolist() == [[0, Bit.NO_DATA, 0]]
    assert np.isnan(data[0, 1])
    assert np.isnan(variance[0, 1])


def test_a_pixel_without_signal_keeps_the_error_of_the_flat_finite():
    raw = np.full((1, 2), 300, np.uint16)
    flat = np.full((1, 2), 0.5, "f4")
    data, variance, _ = by_both(
        raw, bias=np.full((1, 2), 300, "f4"), flat=flat, flat_variance=np.ones((1, 2), "f4")
    )
    np.testing.assert_array_equal(data, 0)
    np.testing.assert_allclose(variance, (9 + 1 / 12) / 0.25, rtol=1e-6)


def test_variance_is_the_scatter_of_simulated_exposures(rng):
    gain, read_noise, electrons = 1.5, 7.0, 4000.0
    shape = (400, 500)
    exposed = rng.poisson(electrons, shape) + rng.normal(0, read_noise, shape)
    raw = np.round(300 + exposed / gain).astype(np.uint16)
    flat = np.full(shape, 0.8, "f4")
    data, variance, _ = by_both(
        raw, bias=np.full(shape, 300, "f4"), flat=flat, gain=gain, read_noise=read_noise
    )
    assert np.mean(data) == pytest.approx(electrons / gain / 0.8, rel=1e-3)
    # Relative error of a variance of so many values: sqrt(2 / 200000) = 0.3 %.
    assert np.var(data, dtype=float) == pytest.approx(np.mean(variance), rel=0.012)


def test_writes_where_it_is_told(rng):
    raw = rng.integers(0, 999, (40, 50)).astype("u2")
    out = np.empty(raw.shape, "f4"), np.empty(raw.shape, "f4"), np.empty(raw.shape, "u2")
    result = calibrate(raw, **NOTHING, out=out)
    assert all(a is b for a, b in zip(result, out, strict=True))
    np.testing.assert_array_equal(out[0], raw)
    with pytest.raises(ValueError, match="out must be"):
        calibrate(raw, **NOTHING, out=(out[0][:, ::2], out[1], out[2]))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(rng, threads):
    raw = rng.integers(250, 65536, (600, 300)).astype("u2")
    m = masters(rng, raw.shape)
    expected = calibrate(raw, **(NOTHING | m), threads=1)
    for one, other in zip(calibrate(raw, **(NOTHING | m), threads=threads), expected, strict=True):
        same_bits(one, other)


def test_arguments_that_do_not_fit():
    raw = np.zeros((3, 4), "u2")
    with pytest.raises(ValueError, match="flat has shape"):
        calibrate(raw, **(NOTHING | {"flat": np.ones((4, 3), "f4")}))
    with pytest.raises(ValueError, match="gain 0"):
        calibrate(raw, **(NOTHING | {"gain": 0.0}))
