import numpy as np
import pytest

from polarnight.frames import Bit
from polarnight.photometry import Apertures, aperture_photometry, sky_variance_factor
from polarnight.photometry._kernel import native_sums
from polarnight.photometry._reference import (
    SkyClipping,
    circle_overlap,
    clipped_sky,
    reference_sums,
)

CLIPPING = SkyClipping(int(Bit.BAD_PIXEL), 3.0, 10)


def scene(seed=1, shape=(90, 110)):
    rng = np.random.default_rng(seed)
    data = rng.normal(100.0, 5.0, shape).astype(np.float32)
    variance = rng.uniform(20.0, 30.0, shape).astype(np.float32)
    bits = np.where(rng.random(shape) < 0.02, int(Bit.BAD_PIXEL), 0).astype(np.uint16)
    bits[rng.random(shape) < 0.01] |= int(Bit.SATURATED)
    data[12, 15] = np.nan
    variance[40, 42] = np.inf
    exclude = rng.random(shape) < 0.05
    xy = np.column_stack([rng.uniform(-6, 116, 80), rng.uniform(-6, 96, 80)])
    xy[:4] = [(15.2, 12.1), (50.0, 50.0), (50.5, 50.5), (np.nan, 3.0)]
    return data, variance, bits, exclude, np.ascontiguousarray(xy)


@pytest.mark.parametrize("radius", [0.2, 0.5, 0.7071, 1.0, 3.3, 7.07, 12.5])
@pytest.mark.parametrize("centre", [(20.0, 20.0), (20.5, 20.5), (20.31, 19.77)])
def test_area_of_a_circle_is_exact(radius, centre):
    ones = np.ones((41, 41), np.float32)
    measured = aperture_photometry(ones, ones, None, [centre], [radius], None)
    assert measured.area[0, 0] == pytest.approx(np.pi * radius**2, rel=1e-12)
    assert measured.flux[0, 0] == pytest.approx(np.pi * radius**2, rel=1e-12)


def test_area_is_exact_where_the_rim_touches_a_grid_line():
    """Radius and offset that agree to rounding, where an arc sine loses half its digits."""
    ones = np.ones((90, 90), np.float32)
    measured = aperture_photometry(ones, None, None, [(30.3, 40.8)], [6.2], None)
    assert measured.area[0, 0] == pytest.approx(np.pi * 6.2**2, rel=1e-13)
    offset = np.arange(-8, 9) - 0.3
    total = circle_overlap(offset[None, :], (offset - 0.5)[:, None], 6.2).sum()
    assert total == pytest.approx(np.pi * 6.2**2, rel=1e-12)


def test_overlap_of_single_pixels_agrees_with_counting_points():
    fine = (np.arange(400) + 0.5) / 400 - 0.5
    for dx, dy, r in [(0.0, 0.0, 0.4), (0.3, -0.2, 0.45), (2.1, 1.7, 2.8), (-3.0, 0.1, 3.2)]:
        inside = (dx + fine[:, None]) ** 2 + (dy + fine[None, :]) ** 2 < r * r
        assert circle_overlap(dx, dy, r) == pytest.approx(inside.mean(), abs=3e-4)


def test_kernel_equals_reference():
    data, variance, bits, exclude, xy = scene()
    radii = np.array([0.3, 1.0, 2.5, 7.0, 4.0])
    arguments = (data, variance, bits, exclude, xy, radii, (6.0, 11.5), CLIPPING)
    native = native_sums(*arguments, 2)
    if native is None:
        pytest.skip("no compiled library in this installation")
    reference = reference_sums(*arguments)
    for name in ("flux", "variance", "area", "level", "scatter"):
        expected, found = getattr(reference, name), getattr(native, name)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-8, err_msg=name)
    np.testing.assert_array_equal(native.n_sky, reference.n_sky)
    np.testing.assert_array_equal(native.bits, reference.bits)


def test_without_library_the_reference_serves(monkeypatch):
    data, variance, bits, exclude, xy = scene(2)
    fast = aperture_photometry(data, variance, bits, xy, [3.0], (6, 11), exclude=exclude)
    monkeypatch.setenv("POLARNIGHT_NO_NATIVE", "1")
    slow = aperture_photometry(data, variance, bits, xy, [3.0], (6, 11), exclude=exclude)
    np.testing.assert_allclose(fast.flux, slow.flux, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(fast.flux_err, slow.flux_err, rtol=1e-6)


def test_sums_equal_photutils():
    photutils = pytest.importorskip("photutils.aperture")
    data, *_ = scene(3)
    data = np.nan_to_num(data, nan=100.0)
    xy = np.array([(30.3, 40.8), (71.0, 22.5), (2.0, 88.1)])
    for radius in (1.7, 6.2):
        measured = aperture_photometry(data, None, None, xy, [radius], None)
        circle = photutils.CircularAperture(xy, r=radius)
        table = photutils.aperture_photometry(data.astype(float), circle, method="exact")
        np.testing.assert_allclose(measured.flux[:, 0], table["aperture_sum"], rtol=1e-9)


def test_any_number_of_threads_gives_the_same_bits():
    data, variance, bits, _, xy = scene(4)
    xy = np.tile(xy, (5, 1))
    one = aperture_photometry(data, variance, bits, xy, [2.0, 5.0], (7, 12), threads=1)
    two = aperture_photometry(data, variance, bits, xy, [2.0, 5.0], (7, 12), threads=2)
    for name in ("flux", "flux_err", "sky", "bits"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_bits_within_the_circle_are_reported_and_only_those():
    data = np.zeros((40, 40), np.float32)
    bits = np.zeros((40, 40), np.uint16)
    bits[20, 23] = int(Bit.COSMIC_RAY)
    bits[20, 30] = int(Bit.SATURATED)
    measured = aperture_photometry(data, data + 1, bits, [(20, 20)], [2.4, 2.6, 12.0], None)
    assert measured.bits[0].tolist() == [
        0,
        int(Bit.COSMIC_RAY),
        int(Bit.COSMIC_RAY | Bit.SATURATED),
    ]


def test_missing_pixels_are_flagged_and_leave_the_area():
    data = np.ones((40, 40), np.float32)
    data[20, 21] = np.nan
    ok = np.ones_like(data)
    measured = aperture_photometry(data, ok, None, [(20, 20), (0, 20), (-90, 5)], [3.0], None)
    assert measured.bits[:, 0].tolist() == [int(Bit.NO_DATA)] * 3
    full = np.pi * 9
    assert measured.area[0, 0] == pytest.approx(full - 1)
    assert measured.area[1, 0] == pytest.approx(full / 2 + 3.0, abs=0.1)
    assert measured.area[2, 0] == 0
    assert np.all(np.isfinite(measured.flux))


def test_sky_leaves_out_bad_and_excluded_pixels():
    data = np.full((60, 60), 10.0, np.float32)
    data += np.random.default_rng(5).normal(0, 0.5, data.shape).astype(np.float32)
    bits = np.zeros(data.shape, np.uint16)
    exclude = np.zeros(data.shape, bool)
    data[:30, :] += 2.0  # less than the clipping would take away by itself
    exclude[:30, 30:] = True
    bits[:30, :30] = int(Bit.BAD_PIXEL)
    kept = aperture_photometry(data, None, bits, [(30, 30)], [3], (8, 14), exclude=exclude)
    assert kept.sky[0] == pytest.approx(10.0, abs=0.15)
    blind = aperture_photometry(data, None, None, [(30, 30)], [3], (8, 14))
    assert blind.sky[0] > 10.5


def test_sky_without_enough_pixels_gives_no_flux():
    data = np.ones((60, 60), np.float32)
    everything = np.ones(data.shape, bool)
    measured = aperture_photometry(data, data, None, [(30, 30)], [3], (8, 14), exclude=everything)
    assert np.isnan(measured.sky[0])
    assert np.isnan(measured.flux[0, 0])
    assert measured.n_sky[0] == 0


def test_sky_of_equal_values_is_that_value():
    data = np.full((50, 50), 7.0, np.float32)
    measured = aperture_photometry(data, data, None, [(25, 25)], [3], (6, 12))
    assert measured.sky[0] == 7.0
    assert measured.flux[0, 0] == pytest.approx(0.0, abs=1e-9)


def test_clipping_is_unmoved_by_stars():
    rng = np.random.default_rng(8)
    values = rng.normal(50.0, 3.0, 600).astype(np.float32)
    values[:40] += 400.0
    level, scatter, n = clipped_sky(values, 3.0, 10)
    assert level == pytest.approx(50.0, abs=0.4)
    assert np.sqrt(scatter) == pytest.approx(3.0, rel=0.1)
    assert n < 562


@pytest.mark.parametrize("clip", [2.5, 3.0, 4.0])
def test_error_of_the_sky_is_its_scatter(clip):
    """The factor that clipping needs, against repeated draws of 500 pixels."""
    rng = np.random.default_rng(9)
    skies = [
        clipped_sky(rng.standard_normal(500).astype(np.float32), clip, 10) for _ in range(2500)
    ]
    level, scatter, n = np.array(skies).T
    quoted = np.mean(sky_variance_factor(clip) * scatter / n)
    # The variance of 2500 means is known to 2.8 %; 3.5 of that.
    assert level.var() == pytest.approx(quoted, rel=0.10), clip
    assert abs(level.mean()) < 4 * np.sqrt(quoted / 2500)


def render(rng, n_side=20, step=44, noise=5.0, gain=1.5, sky=40.0):
    """Isolated stars on a grid, faint to bright, with photon and readout noise."""
    size = n_side * step
    centre = (np.arange(n_side) + 0.5) * step
    xy = np.array([(x, y) for y in centre for x in centre]) + rng.uniform(-0.5, 0.5, (n_side**2, 2))
    electrons = 10 ** rng.uniform(2.6, 5.0, n_side**2)
    clean = np.zeros((size, size))
    grid_y, grid_x = np.mgrid[-15:16, -15:16]
    for (x, y), total in zip(xy, electrons, strict=True):
        ix, iy = int(x), int(y)
        shape = np.exp(-0.5 * ((grid_x + ix - x) ** 2 + (grid_y + iy - y) ** 2) / 1.7**2)
        clean[iy - 15 : iy + 16, ix - 15 : ix + 16] += total * shape / (2 * np.pi * 1.7**2)
    seen = rng.poisson(clean + sky) + noise * rng.standard_normal(clean.shape)
    data = (seen / gain).astype(np.float32)
    variance = ((noise / gain) ** 2 + np.maximum(data, 0) / gain).astype(np.float32)
    return xy, (clean / gain).astype(np.float32), data, variance


def test_fluxes_of_an_image_lie_within_their_errors():
    rng = np.random.default_rng(10)
    pulls = []
    for _ in range(3):
        xy, clean, data, variance = render(rng)
        truth = aperture_photometry(clean, None, None, xy, [5.1], None).flux[:, 0]
        found = aperture_photometry(data, variance, None, xy, [5.1], (8.5, 15.3))
        pulls.append((found.flux[:, 0] - truth) / found.flux_err[:, 0])
    pulls = np.concatenate(pulls)
    assert len(pulls) == 1200
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.04)
    assert np.mean(np.abs(pulls) < 2) == pytest.approx(0.954, abs=0.018)
    assert abs(pulls.mean()) < 0.1


def test_without_variance_the_sky_scatter_is_the_noise():
    rng = np.random.default_rng(12)
    data = rng.normal(100, 4.0, (80, 80)).astype(np.float32)
    bare = aperture_photometry(data, None, None, [(40, 40)], [4.0], (8, 18))
    full = aperture_photometry(data, np.full_like(data, 16.0), None, [(40, 40)], [4.0], (8, 18))
    assert bare.sky_rms[0] == pytest.approx(4.0, rel=0.1)
    assert bare.flux_err[0, 0] == pytest.approx(full.flux_err[0, 0], rel=0.1)


def test_other_byte_order_and_strides_are_read_rightly():
    data, variance, _, _, xy = scene(6)
    usual = aperture_photometry(data, variance, None, xy, [3.0], (6, 11))
    swapped = data.astype(">f4")
    strided = np.asfortranarray(variance.astype(np.float64))
    odd = aperture_photometry(swapped, strided, None, xy, [3.0], (6, 11))
    np.testing.assert_array_equal(usual.flux, odd.flux)


def test_no_sources_and_one_radius():
    data = np.ones((20, 20), np.float32)
    measured = aperture_photometry(data, data, None, np.empty((0, 2)), 3.0, (5, 8))
    assert isinstance(measured, Apertures)
    assert measured.flux.shape == (0, 1)
    assert len(measured) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radii": [0.0]}, "positive"),
        ({"radii": [np.nan]}, "positive"),
        ({"annulus": (8, 8)}, "annulus"),
        ({"variance": np.ones((3, 3))}, "variance has shape"),
        ({"data": np.ones(5)}, "image"),
        ({"clip": 2.0}, "clipped"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    data = np.ones((30, 30), np.float32)
    arguments = {"data": data, "variance": None, "radii": [3.0], "annulus": (5, 9)} | change
    with pytest.raises(ValueError, match=message):
        aperture_photometry(bits=None, xy=[(15, 15)], **arguments)
