"""Reduced frames: the light that was there, with errors that are the errors."""

import numpy as np
import pytest
from astropy.io import fits

from polarnight.calibration import ReduceRules, build_master, reduce_frame, reduce_recipe_key
from polarnight.errors import BadFrame
from polarnight.frames import Bit, ImageType, Section, read_frame, write_frame

BIAS, DARK, FLAT, LIGHT = ImageType.BIAS, ImageType.DARK, ImageType.FLAT, ImageType.LIGHT


def make_masters(chip, n=9, dark=True):
    """Write masters of n frames each and return them as keyword arguments."""
    masters = {}
    for kind, light, exptime in ((BIAS, 0.0, 0.0), (DARK, 0.0, 120.0), (FLAT, 15000.0, 3.0)):
        if kind is DARK and not dark:
            continue
        out = chip.directory / f"master{kind}.fits"
        used = {k: v for k, v in masters.items() if k in ("bias", "dark") and kind is not BIAS}
        build_master(kind, *chip.take(n, kind, light=light, exptime=exptime), out=out, **used)
        masters[kind.lower()] = out
    return masters


def shoot(chip, light, exptime=60.0, **changes):
    """Write a science frame and return its path and header."""
    name = changes.pop("name", None)
    return chip.write(
        chip.expose(light, exptime), chip.info(LIGHT, exptime=exptime, **changes), name
    )


@pytest.mark.parametrize(("n", "light"), [(3, 300.0), (9, 40.0), (9, 3000.0), (9, 30000.0)])
def test_light_and_its_error(chip, n, light):
    chip.dark[:] = 0.8
    masters = make_masters(chip, n)
    path, info = shoot(chip, light)
    frame = reduce_frame(path, info, cosmic_rays=False, **masters)
    good = ~frame.mask()
    assert good.mean() > 0.999
    pull = ((frame.data - light) / np.sqrt(frame.variance))[good]
    # 18 000 pixels. An error taken from the noisy value itself is too small where the value
    # is, which pulls the mean down by half the relative noise.
    own = 0.5 * np.sqrt(np.median(frame.variance)) / (light + 50.0 / chip.gain)
    assert abs(pull.mean()) < 0.03 + own
    assert pull.std() == pytest.approx(1.0, abs=0.025)


def test_light_gradient_through_all_levels(chip):
    masters = make_masters(chip)
    light = np.geomspace(5.0, 50000.0, chip.nx) * np.ones((chip.ny, 1))
    path, info = shoot(chip, light)
    frame = reduce_frame(path, info, cosmic_rays=False, **masters)
    columns = frame.data.mean(axis=0)
    error = np.sqrt(frame.variance.mean(axis=0) / chip.ny)
    assert np.abs((columns - light[0]) / error).max() < 4.5
    assert ((columns - light[0]) / error).std() == pytest.approx(1.0, abs=0.2)


def test_bits_of_raw_values_and_masters(make_chip):
    chip = make_chip(saturation=60000.0)
    chip.dark[20, 30] = 50.0
    chip.flat[70, 80] = 0.3
    chip.flat[90, 5:9] = 0.2
    masters = make_masters(chip)
    light = np.full((chip.ny, chip.nx), 200.0)
    light[50, 60] = 90000.0
    light[52, 60] = 57000.0 / chip.flat[52, 60]
    path, info = shoot(chip, light, nonlinear=55000.0)
    frame = reduce_frame(path, info, cosmic_rays=False, rules=ReduceRules(edge=5), **masters)
    assert frame.bits[50, 60] == Bit.SATURATED | Bit.NONLINEAR
    assert frame.bits[52, 60] == Bit.NONLINEAR
    assert frame.bits[20, 30] == Bit.BAD_PIXEL
    assert frame.bits[70, 80] & Bit.BAD_PIXEL
    assert (frame.bits[90, 5:9] & Bit.LOW_FLAT).all()
    assert (frame.bits[:5] & Bit.NEAR_EDGE).all()
    assert (frame.bits[:, -5:] & Bit.NEAR_EDGE).all()
    assert not (frame.bits[5:-5, 5:-5] & Bit.NEAR_EDGE).any()
    assert (frame.bits != 0).sum() < 18000 - 110 * 140 + 20
    assert frame.meta["saturated_pixels"] == 1
    assert frame.mask().sum() < 20


def test_trimmed_frames_keep_their_place(chip):
    masters = make_masters(chip)
    cut = Section(1, 141, 2, 112)
    header = fits.Header({"CRPIX1": 70.0, "CRPIX2": 60.0, "CRPIX1A": 7.0, "OBJECT": "BL Lac"})
    light = np.full((chip.ny, chip.nx), 200.0)
    light[50, 60] = 9000.0
    info = chip.info(LIGHT, exptime=10.0, trim=cut, origin=(512, 256))
    path, info = chip.write(chip.expose(light, 10.0), info, header=header)
    masters_at_window = {
        kind: rewritten(path_, origin=(512, 256)) for kind, path_ in masters.items()
    }
    frame = reduce_frame(path, info, cosmic_rays=False, **masters_at_window)
    assert frame.shape == (110, 140) == (frame.info.height, frame.info.width)
    assert np.unravel_index(frame.data.argmax(), frame.shape) == (48, 59)
    assert frame.info.origin == (513, 258)
    assert frame.info.trim is None
    assert (frame.header["CRPIX1"], frame.header["CRPIX2"]) == (69.0, 58.0)
    assert frame.header["CRPIX1A"] == 6.0
    assert (frame.header["LTV1"], frame.header["LTV2"]) == (-1.0, -2.0)
    assert frame.header["OBJECT"] == "BL Lac"
    write_frame(chip.directory / "reduced.fits", frame)
    back = read_frame(chip.directory / "reduced.fits")
    assert back.info == frame.info
    assert back.meta == frame.meta
    np.testing.assert_array_equal(back.bits, frame.bits)


def rewritten(path, **changes):
    frame = read_frame(path)
    write_frame(path, frame.replace(info=frame.info.replace(**changes)))
    return path


def test_overscan_of_each_frame(make_chip):
    chip = make_chip(overscan=24)
    masters = {}
    for kind, light in ((BIAS, 0.0), (FLAT, 9000.0)):
        pairs = [
            chip.write(chip.expose(light, level=level), chip.info(kind))
            for level in (0.0, 30.0, -40.0, 12.0, 55.0)
        ]
        out = chip.directory / f"master{kind}.fits"
        build_master(kind, [i for _, i in pairs], [p for p, _ in pairs], out=out, **masters)
        masters[kind.lower()] = out
    path, info = chip.write(chip.expose(500.0, level=123.0), chip.info(LIGHT, exptime=1.0))
    frame = reduce_frame(path, info, cosmic_rays=False, **masters)
    assert frame.shape == (chip.ny, chip.nx)
    assert frame.meta["overscan"] == pytest.approx(813.0, abs=0.5)
    # 0.1 ADU for the level of the overscan, 0.15 for the mean of the pixels.
    assert frame.data.mean() == pytest.approx(500.0, abs=0.8)


def test_read_noise_of_the_biases_is_used(chip):
    infos, paths = chip.take(5, BIAS)
    out = chip.directory / "masterBIAS.fits"
    build_master(BIAS, [i.replace(read_noise=3.0) for i in infos], paths, out=out)
    path, info = shoot(chip, 50.0)
    info = info.replace(read_noise=3.0)
    frame = reduce_frame(path, info, bias=out, cosmic_rays=False)
    assert frame.meta["read_noise"]["declared"] == 3.0
    assert frame.meta["read_noise"]["used"] == pytest.approx(7.0, rel=0.05)
    rules = ReduceRules(measured_read_noise=False)
    declared = reduce_frame(path, info, bias=out, cosmic_rays=False, rules=rules)
    assert declared.meta["read_noise"]["used"] == 3.0
    difference = np.median(frame.variance - declared.variance)
    assert difference == pytest.approx((49 - 9) / chip.gain**2, rel=0.1)


def test_missing_masters(chip):
    bias = make_masters(chip, n=2, dark=False)["bias"]
    path, info = shoot(chip, 300.0)
    with pytest.raises(BadFrame, match=r"no master DARK nor FLAT \(take calibrations"):
        reduce_frame(path, info, bias=bias, required=[BIAS, DARK, FLAT])
    rules = ReduceRules(allow_missing=True)
    frame = reduce_frame(path, info, bias=bias, required=[BIAS, FLAT], rules=rules)
    assert frame.meta["missing_masters"] == ["FLAT"]
    assert frame.meta["masters"] == {"bias": "masterBIAS.fits"}


def test_frames_that_cannot_be_reduced(chip):
    masters = make_masters(chip, n=2, dark=False)
    info = chip.info(LIGHT, exptime=1.0)
    nan, _ = chip.write(np.full((chip.ny, chip.nx), np.nan, "f4"), info)
    with pytest.raises(BadFrame, match="no pixel holds a finite number"):
        reduce_frame(nan, info, **masters)
    white, _ = chip.write(np.full((chip.ny, chip.nx), 65535, "u2"), info)
    with pytest.raises(BadFrame, match="not one pixel can be used"):
        reduce_frame(white, info, **masters)
    small, _ = chip.write(np.zeros((7, 8), "u2"), info)
    with pytest.raises(BadFrame, match="the image is 8x7, its header says 150x120"):
        reduce_frame(small, info, **masters)
    with pytest.raises(BadFrame, match=r"its master BIAS .* is 150x120, the frame 8x7, and lies"):
        reduce_frame(small, info.replace(width=8, height=7), **masters)
    with pytest.raises(BadFrame, match="cannot be read"):
        reduce_frame(chip.directory / "none.fits", info, **masters)
    with pytest.raises(BadFrame, match="not a master FLAT but BIAS"):
        reduce_frame(white, info, flat=masters["bias"])


def test_a_master_that_changed_is_read_again(chip):
    masters = make_masters(chip, n=2, dark=False)
    path, info = shoot(chip, 300.0)
    before = reduce_frame(path, info, cosmic_rays=False, **masters)
    bias = read_frame(masters["bias"])
    write_frame(masters["bias"], bias.replace(data=bias.data + np.float32(50.0)))
    after = reduce_frame(path, info, cosmic_rays=False, **masters)
    assert np.median(before.data - after.data) == pytest.approx(50.0, abs=1.0)


def test_interpolation_is_marked_and_only_on_request(chip):
    chip.dark[20:22, 30:32] = 500.0
    masters = make_masters(chip)
    path, info = shoot(chip, 400.0)
    plain = reduce_frame(path, info, cosmic_rays=False, **masters)
    rules = ReduceRules(interpolate=True)
    filled = reduce_frame(path, info, cosmic_rays=False, rules=rules, **masters)
    bad = plain.mask()
    assert bad[20:22, 30:32].all()
    assert not (plain.bits & Bit.INTERPOLATED).any()
    np.testing.assert_array_equal(filled.bits & Bit.INTERPOLATED != 0, bad)
    np.testing.assert_array_equal(filled.data[~bad], plain.data[~bad])
    assert (filled.bits[bad] & Bit.BAD_PIXEL).all()
    assert np.abs(filled.data[20:22, 30:32] - 400.0).max() < 40


def test_recipe_key(chip):
    masters = make_masters(chip, n=2)
    path, info = shoot(chip, 300.0)
    first = reduce_recipe_key(path, info, **masters)
    assert first == reduce_recipe_key(path, info, **masters)
    others = {
        reduce_recipe_key(path, info, bias=masters["bias"], flat=masters["flat"]),
        reduce_recipe_key(path, info, cosmic_rays=False, **masters),
        reduce_recipe_key(path, info, rules=ReduceRules(edge=7), **masters),
        reduce_recipe_key(path, info.replace(gain=2.0), **masters),
        reduce_recipe_key(path, info, keys={str(path): "other"}, **masters),
    }
    assert len(others | {first}) == 6


def window_of(chip, path, x0, y0, width, height, **changes):
    """Cut a raw frame on disk as the camera would have read it; return its path and header."""
    data = fits.getdata(path)[y0 : y0 + height, x0 : x0 + width]
    info = chip.info(LIGHT, width=width, height=height, origin=(x0, y0), **changes)
    return chip.write(data, info, f"window{x0}_{y0}.fits")


def test_a_window_reduced_with_cut_masters_is_a_cut_of_the_reduced_frame(chip):
    chip.dark[20, 30] = 50.0
    chip.flat[70, 80] = 0.3
    masters = make_masters(chip)
    path, info = shoot(chip, 3000.0)
    whole = reduce_frame(path, info, cosmic_rays=False, rules=ReduceRules(edge=0), **masters)
    part = np.s_[50:90, 20:110]
    small, small_info = window_of(chip, path, 20, 50, 90, 40, exptime=info.exptime)
    frame = reduce_frame(small, small_info, cosmic_rays=False, rules=ReduceRules(edge=0), **masters)
    for name in ("data", "variance", "bits"):
        np.testing.assert_array_equal(getattr(frame, name), getattr(whole, name)[part])
    assert frame.bits[20, 60] & Bit.BAD_PIXEL
    assert frame.info.origin == (20, 50)
    cut = "cut from 150x120 at 20,50"
    assert frame.meta["masters_cut"] == {"bias": cut, "dark": cut, "flat": cut}
    assert whole.meta["masters_cut"] == {}


def test_windows_and_sections_without_light(make_chip):
    chip = make_chip(overscan=12)
    masters = make_masters(chip)
    path, info = shoot(chip, 3000.0)
    whole = reduce_frame(path, info, cosmic_rays=False, rules=ReduceRules(edge=0), **masters)
    # A window is read with its own overscan before it, which is on the chip where it was read.
    raw = fits.getdata(path)
    data = np.hstack([raw[30:80, :12], raw[30:80, 12 + 40 : 12 + 100]])
    size = {"width": 72, "height": 50, "origin": (40, 30)}
    sections = {"overscan": Section(0, 12, 0, 50), "trim": Section(12, 72, 0, 50)}
    small = chip.write(data, chip.info(LIGHT, exptime=60.0, **size, **sections), "part.fits")
    frame = reduce_frame(*small, cosmic_rays=False, rules=ReduceRules(edge=0), **masters)
    assert frame.shape == (50, 60)
    assert frame.info.origin == (52, 30)
    # The overscan of fewer rows is as uncertain as the level of the bias.
    error = 3.0 * 7.0 / 1.4 / np.sqrt(12 * 50)
    np.testing.assert_allclose(frame.data, whole.data[30:80, 40:100], atol=error)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"origin": (100, 0)}, "does not contain the frame (60x50 at 100,0)"),
        ({"binning": (2, 2)}, "binned"),
    ],
)
def test_masters_that_cannot_be_cut_are_refused(chip, changes, said):
    masters = make_masters(chip)
    raw = chip.expose(100.0)[:50, :60]
    size = {"width": 60, "height": 50, "exptime": 60.0}
    path, info = chip.write(raw, chip.info(LIGHT, **{**size, **changes}))
    with pytest.raises(BadFrame) as caught:
        reduce_frame(path, info, **masters)
    assert said in str(caught.value)


def test_a_flat_of_a_window_takes_the_bias_of_the_chip(chip):
    bias = make_masters(chip, dark=False)["bias"]
    infos, paths = [], []
    for k in range(9):
        data = chip.expose(15000.0)[30:90, 40:130]
        info = chip.info(FLAT, width=90, height=60, origin=(40, 30))
        path, named = chip.write(data, info, f"windowflat{k}.fits")
        infos.append(named)
        paths.append(path)
    out = chip.directory / "windowflat.fits"
    build_master(FLAT, infos, paths, bias=bias, out=out)
    truth = chip.flat[30:90, 40:130]
    flat = read_frame(out)
    assert flat.info.origin == (40, 30)
    pull = (flat.data - truth / np.median(truth)) / np.sqrt(flat.variance)
    assert abs(pull.mean()) < 0.15
    assert pull.std() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("light", [0.0, 30000.0])
def test_what_two_frames_have_in_common_by_their_masters_is_told(chip, light):
    masters = make_masters(chip, 3)
    frames = []
    for n in range(2):
        path, info = shoot(chip, light, exptime=60.0, name=f"light{n}.fits")
        frames.append(reduce_frame(path, info, cosmic_rays=False, **masters))
    good = ~frames[0].mask() & ~frames[1].mask()
    off = [frame.data[good].astype(float) - np.mean(frame.data[good]) for frame in frames]
    told = frames[0].meta["master_noise"]
    assert frames[1].meta["master_noise"] == told
    common = told["additive"] + told["relative"] * light**2
    error = np.std(off[0] * off[1]) / np.sqrt(good.sum())
    assert np.mean(off[0] * off[1]) == pytest.approx(common, abs=4.0 * error + 0.05 * common)
    assert common > 20.0 * error or light == 0.0
    assert common > 10.0 * error


def test_without_masters_frames_have_nothing_in_common(chip):
    path, info = shoot(chip, 100.0)
    frame = reduce_frame(path, info, cosmic_rays=False)
    assert frame.meta["master_noise"] == {"additive": 0.0, "relative": 0.0}
