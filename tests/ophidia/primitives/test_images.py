from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from polarnight.cubes.cube import Cube
from polarnight.cubes.recipes import Recipe, rebuild
from polarnight.frames import Bit
from polarnight.ophidia.primitives import QueryError, apply_query, evaluate

from .common import cube_of, image, result

A = image((40, 33))
KERNEL = np.array([[0, 1, 2], [3, 5, 1], [0, 0, 1.0]])


def reference(query, values):
    doubles = values.astype("f8")
    return {
        "median_filter(measure,5)": lambda: ndimage.median_filter(values, 5),
        "gaussian_filter(measure,1.3)": lambda: ndimage.gaussian_filter(doubles, 1.3),
        "box_mean(measure,3)": lambda: ndimage.uniform_filter(doubles, 3),
        "convolve(measure,'0,1,2|3,5,1|0,0,1')": lambda: ndimage.convolve(doubles, KERNEL),
        "laplacian(measure)": lambda: ndimage.laplace(doubles),
    }[query]()


QUERIES = ["median_filter(measure,5)", "gaussian_filter(measure,1.3)", "box_mean(measure,3)",
           "convolve(measure,'0,1,2|3,5,1|0,0,1')", "laplacian(measure)"]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_filters_equal_scipy_at_the_borders_too(query):
    found = result(query, A)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference(query, A), rtol=3e-7, atol=3e-4)


@pytest.mark.parametrize("query", [*QUERIES, "cosmic_rays(measure,1,5)", "background(measure,16)",
                                   "measure - median_filter(measure,3) + box_mean(measure * 2,5)",
                                   "oph_reduce(median_filter(measure,3),'avg')"])  # fmt: skip
@pytest.mark.parametrize("chunks", [(40, 33), (7, 33), (13, 10), (1, 33)])
def test_blocks_do_not_show(query, chunks):
    import dask.array as da

    values = image((40, 33), missing=0.02)
    whole = evaluate(query, Cube.from_array(da.from_array(values, chunks=(40, 33)))).numpy()
    cut = evaluate(query, Cube.from_array(da.from_array(values, chunks=chunks))).numpy()
    np.testing.assert_array_equal(cut, whole)


def test_missing_and_unusable_pixels_take_no_part():
    values = image((12, 9))
    bits = np.zeros(values.shape, "u2")
    bits[5, 5] = int(Bit.BAD_PIXEL)
    values[5, 5] = 1e9
    values[2, 3] = np.nan
    cube = cube_of(values, bits=bits)
    without = values.astype("f8")
    without[5, 5] = np.nan
    padded = np.pad(without, 1, mode="symmetric")
    boxes = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(12, 9, 9)
    made = evaluate("median_filter(measure,3)", cube)
    np.testing.assert_array_equal(made.numpy(), np.nanmedian(boxes, -1).astype("f4"))
    np.testing.assert_allclose(
        evaluate("box_mean(measure,3)", cube).numpy(), np.nanmean(boxes, -1), rtol=1e-6
    )
    flags = made.bits.compute()
    assert flags[5, 5] == Bit.INTERPOLATED
    assert flags[2, 3] == Bit.INTERPOLATED
    assert np.count_nonzero(flags) == 2


def test_a_sum_with_a_missing_neighbour_is_missing():
    values = np.ones((5, 5))
    values[2, 2] = np.nan
    lost = np.isnan(result("convolve(measure,'0,0,0|0,0,0|0,0,1')", values))
    # True convolution: the value of the upper left neighbour.
    assert np.argwhere(lost).tolist() == [[3, 3]]


@pytest.mark.parametrize(
    "query",
    ["box_mean(measure,3)", "box_mean(measure,21)", "gaussian_filter(measure,1)",
     "convolve(measure,'0,1,2|3,5,1|0,0,1')", "convolve(measure,'0,1,2|3,5,1|0,0,1','mean')",
     "convolve(measure,'1,-2,3,4,5')", "laplacian(measure)"],
)  # fmt: skip
def test_variances_of_filters_are_right_at_the_borders_too(query):
    rng = np.random.default_rng(3)
    data, variance = rng.normal(9, 1, (6, 7)), rng.uniform(1, 5, (6, 7))
    found = evaluate(query, Cube.from_array(data, variance=variance)).compute()
    expected = np.zeros(data.shape)
    for place in np.ndindex(data.shape):
        impulse = np.zeros(data.shape)
        impulse[place] = 1.0
        weights = evaluate(query, Cube.from_array(impulse)).numpy()
        expected += weights**2 * variance[place]
    np.testing.assert_allclose(np.asarray(found.variance), expected, rtol=1e-12)


def test_variances_of_smoothing():
    cube = cube_of(A, variance=np.full(A.shape, 9.0))
    made = apply_query("box_mean(measure,3)", cube)
    np.testing.assert_allclose(made.cube.variance.compute()[1:-1, 1:-1], 1.0, rtol=1e-6)
    assert made.remarks == ()
    assert apply_query("median_filter(measure,3)", cube).remarks != ()


def test_images_of_a_stack_are_filtered_one_by_one():
    stack = image((3, 14, 11))
    cube = cube_of(stack, dims=["z", "NAXIS2", "NAXIS1"])
    made = evaluate("median_filter(measure,3)", cube, implicit=("NAXIS1", "z"))
    np.testing.assert_array_equal(
        made.numpy(), np.stack([ndimage.median_filter(one, 3) for one in stack])
    )
    flat = evaluate("measure / image_median(measure)", cube).numpy()
    np.testing.assert_array_equal(
        flat, stack / np.median(stack.astype("f8"), axis=(1, 2)).astype("f4")[:, None, None]
    )


def test_cosmic_rays_are_found_and_replaced():
    rng = np.random.default_rng(5)
    clean = rng.normal(200, 5, (64, 64))
    y, x = np.mgrid[:64, :64]
    clean += 3000 * np.exp(-((y - 30) ** 2 + (x - 20) ** 2) / (2 * 2.5**2))
    hit = clean.copy()
    places = [(10, 12), (10, 13), (50, 40), (5, 60)]
    for place in places:
        hit[place] += 900
    mask = result("cosmic_rays(measure,8,3)", hit.astype("f4"))
    assert mask.dtype == np.uint8
    expected = np.zeros(mask.shape, bool)
    expected[tuple(np.transpose(places))] = True
    assert mask[expected].all()
    # Beside a hit less suffices; nowhere else is anything found, not in the star either.
    assert not mask[~ndimage.binary_dilation(expected, np.ones((3, 3)))].any()
    query = "where(cosmic_rays(measure,8,3), median_filter(measure,5), measure)"
    assert np.abs(result(query, hit.astype("f4")) - clean).max() < 60


def test_background_follows_a_slope_and_not_the_stars():
    y, x = np.mgrid[:128, :96]
    sky = 100 + 0.2 * x + 0.1 * y
    values = sky + np.where((x % 40 == 7) & (y % 31 == 5), 5000, 0)
    found = result("background(measure,16)", values)
    inside = (slice(24, 104), slice(24, 72))  # the mesh is flat at the borders
    assert np.abs(found - sky)[inside].max() < 0.6
    np.testing.assert_allclose(result("background(measure,500)", values * 0 + 3), 3)


@pytest.mark.parametrize(("operation", "expected"), [("median", np.median), ("avg", np.mean),
                                                     ("std", np.std), ("max", np.max)])  # fmt: skip
def test_statistics_of_the_whole_image(operation, expected):
    found = result(f"image_statistic(measure,'{operation}')", A.astype("f8"))
    np.testing.assert_array_equal(found, np.full(A.shape, expected(A.astype("f8"))))


def test_a_cube_is_made_again_from_its_recipe():
    cube = cube_of(A, variance=A)
    query = "oph_reduce(measure - median_filter(measure,3),'avg',11)"
    made = evaluate(query, cube, on_reduce="update", measure="rest")
    again = rebuild(Recipe.from_dict(made.recipe.to_dict()), [cube])
    assert (again.key, again.measure, again.dims) == (made.key, "rest", made.dims)
    np.testing.assert_array_equal(again.numpy(), made.numpy())
    assert evaluate(query, cube).key != made.key


def test_rows_and_workers_give_the_same():
    import pickle

    cube = cube_of(A)
    made = evaluate("measure * 2 - gaussian_filter(measure,1)", cube)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).numpy(), made.numpy())


def test_lines_have_no_images():
    with pytest.raises(QueryError, match="the cube has one dimension"):
        result("median_filter(measure,3)", np.arange(5.0))
