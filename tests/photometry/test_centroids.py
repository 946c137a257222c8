import numpy as np
import pytest

from polarnight.photometry import CentroidFlag, centroid, measure_fwhm, standard_radii
from polarnight.photometry._kernel import native_centroids
from polarnight.photometry._reference import CentroidSearch, reference_centroids

SIGMA = 1.8
FWHM = 2.3548 * SIGMA


def field(seed, electrons, n_side=8, step=40, sky=100.0):
    """Gaussian stars integrated over pixels, in electrons."""
    from scipy.special import erf

    rng = np.random.default_rng(seed)
    size = n_side * step
    place = (np.arange(n_side) + 0.5) * step
    xy = np.array([(x, y) for y in place for x in place]) + rng.uniform(-0.5, 0.5, (n_side**2, 2))
    edges = np.arange(size + 1) - 0.5
    image = np.full((size, size), sky)
    for x, y in xy:
        across = np.diff(0.5 * erf((edges - x) / SIGMA / np.sqrt(2)))
        along = np.diff(0.5 * erf((edges - y) / SIGMA / np.sqrt(2)))
        image += electrons * along[:, None] * across
    seen = rng.poisson(image).astype(np.float32)
    return xy, image.astype(np.float32), seen, np.maximum(seen, 1.0)


def test_noiseless_centroids_are_exact():
    xy, clean, *_ = field(1, 1e5)
    found = centroid(clean, None, xy + 0.7, FWHM, sky=100.0)
    assert np.all(found.flags == 0)
    assert np.max(np.abs(found.xy - xy)) < 2e-3


def test_errors_of_centroids_cover():
    pulls = []
    for seed in range(6):
        xy, _, seen, variance = field(seed, 8000.0)
        found = centroid(seen, variance, xy + 0.3, FWHM)
        assert np.all(found.flags == 0)
        pulls.append((found.xy - xy) / found.xy_err)
    pulls = np.concatenate(pulls).ravel()
    # 768 values: 68.3 +- 1.7 %.
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.05)
    assert abs(pulls.mean()) < 0.12


def test_faint_sources_keep_their_position():
    xy, _, seen, variance = field(3, 60.0)
    start = xy + 0.25
    found = centroid(seen, variance, start, FWHM)
    assert np.all(found.flags & CentroidFlag.TOO_FAINT)
    np.testing.assert_array_equal(found.xy, start)
    assert np.all(np.isnan(found.xy_err))


def test_a_neighbour_out_of_reach_is_not_taken_for_the_source():
    xy, clean, _, _ = field(4, 1e5)
    start = xy[:1] + np.array([4.5, 0.0])
    found = centroid(clean, None, start, FWHM, reach=2.0)
    assert found.flags[0] == CentroidFlag.WANDERED
    np.testing.assert_array_equal(found.xy, start)


def test_positions_off_the_image_and_not_finite():
    _, _, seen, variance = field(5, 1e5)
    found = centroid(seen, variance, [(-200.0, 5.0), (np.nan, 5.0)], FWHM)
    assert np.all(found.flags & CentroidFlag.NO_DATA)


def test_kernel_equals_reference():
    xy, _, seen, variance = field(6, 3000.0)
    seen = seen.copy()
    seen[20, 22] = np.nan
    start = np.ascontiguousarray(np.vstack([xy + 0.4, [(1.0, 2.0), (1e6, 3.0)]]))
    sky = np.full(len(start), 100.0)
    search = CentroidSearch(SIGMA, FWHM, 30, 1e-4)
    native = native_centroids(seen, variance, start, sky, search, 2)
    if native is None:
        pytest.skip("no compiled library in this installation")
    reference = reference_centroids(seen, variance, start, sky, search)
    np.testing.assert_array_equal(native.steps, reference.steps)
    good = native.steps > 0
    np.testing.assert_allclose(native.values[good], reference.values[good], rtol=1e-8)


def test_seeing_must_be_positive():
    with pytest.raises(ValueError, match="seeing"):
        centroid(np.ones((9, 9)), None, [(4, 4)], 0.0)


@pytest.mark.parametrize("guess", [2.5, FWHM, 8.0])
def test_seeing_is_found_from_a_wrong_guess(guess):
    xy, _, seen, _ = field(7, 2e5)
    seeing = measure_fwhm(seen, np.rint(xy), guess=guess)
    assert seeing.fwhm == pytest.approx(FWHM, rel=0.005)
    assert seeing.n_used == len(xy)
    assert seeing.fwhm_err < 0.01


def test_saturated_and_edge_stars_are_left_out_of_the_seeing():
    xy, _, seen, _ = field(8, 2e5)
    bits = np.zeros(seen.shape, np.uint16)
    bits[round(xy[0, 1]), round(xy[0, 0])] = 1 << 6
    positions = np.vstack([xy, [(1.0, 1.0)]])
    seeing = measure_fwhm(seen, positions, bits=bits)
    assert np.isnan(seeing.each[0])
    assert np.isnan(seeing.each[-1])
    assert seeing.n_used == len(xy) - 1


def test_no_star_no_seeing():
    from polarnight.errors import AlgorithmFailed

    with pytest.raises(AlgorithmFailed, match="no star"):
        measure_fwhm(np.full((50, 50), np.nan), [(25, 25)])


def test_standard_radii():
    aperture, inner, outer = standard_radii(2.0 * np.sqrt(2.0 * np.log(2.0)))
    assert (aperture, inner, outer) == pytest.approx((3.0, 5.0, 9.0))
    assert standard_radii(4.0)[0] == pytest.approx(1.274 * 4.0, rel=1e-3)
    with pytest.raises(ValueError, match="positive"):
        standard_radii(float("nan"))
