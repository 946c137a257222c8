"""The header of combined frames is that of all of them."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from polarnight.cubes import Cube, CubeStore, combine_many, concat, merge
from polarnight.cubes.kernels.factors import median_inefficiency

DIMS = ("NAXIS2", "NAXIS1")
GAIN, READ_NOISE = 1.7, 9.0


def frame(number, exptime=10.0, **cards):
    header = {"EXPTIME": exptime, "GAIN": GAIN, "DATE-OBS": f"2023-05-01T22:{number:02d}:00.000"}
    pixels = np.full((3, 4), 100.0 + number, "f4")
    return Cube.from_array(pixels, DIMS, metadata={**header, **cards}, measure=f"f{number}")


def stack(times=(10.0, 10.0, 10.0, 10.0), **cards):
    return merge([frame(k, time, **cards) for k, time in enumerate(times)], "z")


@pytest.mark.parametrize("operation", ["mean", "median", "clipped_mean", "min", "std", "count"])
def test_exposure_of_one_frame_stays_that_of_one(operation):
    made = stack().reduce(operation, "z").metadata
    assert (made["EXPTIME"], made["TEXPTIME"], made["NCOMBINE"]) == (10.0, 40.0, 4)
    unequal = stack((10.0, 20.0, 60.0)).reduce(operation, "z").metadata
    assert (unequal["EXPTIME"], unequal["TEXPTIME"]) == (30.0, 90.0)


def test_exposures_of_a_sum_add_up():
    made = stack((10.0, 20.0, 60.0), XPOSURE=9.5).reduce("sum", "z").metadata
    assert (made["EXPTIME"], made["XPOSURE"], made["TEXPTIME"]) == (90.0, 28.5, 90.0)
    assert made["GAIN"] == GAIN
    # Corrected by hand in the header of the stack, where all frames had the same.
    one = stack()
    corrected = one.with_metadata(one.metadata.with_card("EXPTIME", 12.0))
    assert corrected.reduce("sum", "z").metadata["EXPTIME"] == 48.0
    # One that does not say how long: then nobody does.
    silent = Cube.from_array(np.ones((3, 4), "f4"), DIMS, measure="silent")
    lacking = merge([frame(0), silent], "z")
    assert "EXPTIME" not in lacking.reduce("sum", "z").metadata
    assert lacking.reduce("mean", "z").metadata["EXPTIME"] == 10.0


def test_image_axes_leave_the_exposure_alone():
    for dim in DIMS:
        made = stack((10.0, 20.0)).reduce("sum", dim).metadata
        assert made["EXPTIME"] == 10.0
        assert "TEXPTIME" not in made
        assert "GAINMULT" not in made
    binned = stack().reduce("mean", "z").block_reduce("sum", "NAXIS1", 2)
    assert (binned.metadata["EXPTIME"], binned.metadata["NCOMBINE"]) == (10.0, 8)


def test_frames_are_found_behind_what_was_done_to_the_stack(tmp_path):
    times = (10.0, 20.0, 30.0, 40.0, 50.0)
    flat = Cube.from_array(np.full((3, 4), 2.0, "f4"), DIMS)
    whole = (stack(times) - 3) / flat
    made = whole.rename_dims(z="t").transpose("NAXIS1", "t", "NAXIS2")
    part = made.subset(t=[4, 0, 2]).subset(t=slice(0, 2)).reduce("sum", "t")
    assert part.metadata["EXPTIME"] == 60.0
    both = concat([whole, frame(9, 7.0).expand_dim("z") / flat], "z").reduce("sum", "z")
    assert both.metadata["EXPTIME"] == 157.0
    groups = whole.block_reduce("sum", "z", 2)
    assert groups.metadata["EXPTIME"] == 30.0
    assert groups.reduce("sum", "z").metadata["EXPTIME"] == 150.0
    kept = whole.persist(CubeStore(tmp_path)).reduce("sum", "z")
    assert kept.metadata["EXPTIME"] == 150.0
    assert pickle.loads(pickle.dumps(kept)).metadata["EXPTIME"] == 150.0
    assert whole.compute().reduce("sum", "z").metadata["EXPTIME"] == 150.0


def test_cubes_combined_without_a_stack():
    cubes = [frame(k, time) for k, time in enumerate((10.0, 20.0, 60.0))]
    total, mean = combine_many(cubes, "sum").metadata, combine_many(cubes, "avg").metadata
    assert (total["EXPTIME"], total["GAINMULT"]) == (90.0, 1.0)
    assert (mean["EXPTIME"], mean["GAINMULT"], mean["NCOMBINE"]) == (30.0, 3.0, 3)
    assert combine_many(cubes, "max").metadata["EXPTIME"] == 10.0


def test_dates_are_those_of_all_frames():
    cubes = [frame(k, time) for k, time in ((5, 60.0), (2, 30.0), (9, 120.0))]
    made = merge(cubes, "z").reduce("mean", "z").metadata
    assert made["DATE-OBS"] == "2023-05-01T22:02:00.000"
    assert made["DATE-END"] == "2023-05-01T22:11:00.000"
    # Middles at 22:05:30, 22:02:15 and 22:10:00, weighted by 2 : 1 : 4.
    middle = (2 * 330 + 135 + 4 * 600) / 7
    assert made["DATE-AVG"] == f"2023-05-01T22:07:{middle - 420:06.3f}"
    # 60065.0 is 2023-05-01T00:00 (USNO).
    assert made["MJD-AVG"] == pytest.approx(60065 + (22 * 3600 + middle) / 86400, abs=2e-8)
    of_means = merge([merge(cubes[:2], "z").reduce("mean", "z"), cubes[2]], "z")
    again = of_means.reduce("mean", "z").metadata
    assert (again["DATE-OBS"], again["DATE-END"]) == (made["DATE-OBS"], made["DATE-END"])


def test_dates_in_other_words():
    old = [
        frame(0, 10.0, **{"DATE-OBS": "2009-12-01", "UT": f"23:59:{s}", "MJD-OBS": float(s)})
        for s in ("50.00", "30.00")
    ]
    made = merge(old, "z").reduce("mean", "z").metadata
    assert (made["DATE-OBS"], made["UT"], made["MJD-OBS"]) == ("2009-12-01", "23:59:30.00", 30.0)
    assert made["DATE-END"] == "2009-12-02T00:00:00.000"
    day = [frame(k, 10.0, **{"DATE-OBS": "2009-12-01"}) for k in range(2)]
    assert "DATE-END" not in merge(day, "z").reduce("mean", "z").metadata
    broken = [frame(k, 10.0, **{"DATE-OBS": "tonight T"}) for k in range(2)]
    assert "DATE-AVG" not in merge(broken, "z").reduce("mean", "z").metadata


@pytest.mark.parametrize("operation", ["mean", "median", "sum", "mean of means", "scaled mean"])
def test_gain_and_read_noise_of_the_header_give_the_noise_there_is(operation):
    """Photons and read noise of many frames: the variance from the cards is that of the pixels."""
    rng = np.random.default_rng(4)
    n, light, shape = 8, 400.0, (120, 250)
    electrons = rng.poisson(light * GAIN, (n, *shape)) + rng.normal(0, READ_NOISE, (n, *shape))
    cards = {"EXPTIME": 5.0, "GAIN": GAIN, "RDNOISE": READ_NOISE}
    frames = [Cube.from_array(e / GAIN, DIMS, metadata=cards) for e in electrons]
    images = merge(frames, "z")
    if operation == "mean of means":
        made = images.block_reduce("mean", "z", 4).reduce("mean", "z")
    elif operation == "scaled mean":
        made = images.reduce("mean", "z", scale=2.0)
    else:
        made = images.reduce(operation, "z")
    header, values = made.metadata, made.numpy()
    gain = header["GAIN"] * header["GAINMULT"]
    variance = values.mean() / gain + (header["RDNOISE"] * header["RONMULT"] / gain) ** 2
    assert variance == pytest.approx(values.var(), rel=4 * math.sqrt(2 / values.size))
    expected = {"median": n / median_inefficiency(n), "sum": 1.0, "scaled mean": n / 2}
    assert header["GAINMULT"] == pytest.approx(expected.get(operation, n), abs=1e-6)
