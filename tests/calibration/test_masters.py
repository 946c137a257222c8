"""Masters: right values, errors that are the errors, and frames that do not belong."""

import numpy as np
import pytest

from polarnight.calibration import MasterRules, build_master, master_recipe_key
from polarnight.errors import AlgorithmFailed, BadFrame, NoWork
from polarnight.frames import Bit, ImageType, content_key, read_frame, read_provenance

BIAS, DARK, FLAT = ImageType.BIAS, ImageType.DARK, ImageType.FLAT


def pulls(master, truth):
    return (master.data - truth) / np.sqrt(master.variance)


def build(chip, kind, frames, name=None, **more):
    infos, paths = frames
    out = chip.directory / "masters" / (name or f"{kind}.fits")
    result = build_master(kind, infos, paths, out=out, **more)
    return result, read_frame(out)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9, 20])
def test_bias_and_its_error(chip, n):
    result, master = build(chip, BIAS, chip.take(n, BIAS))
    pull = pulls(master, chip.bias)
    # 18 000 pixels: the mean is known to 0.0075, the scatter to 0.0053; the prior keeps the
    # errors themselves from scattering.
    assert abs(pull.mean()) < 0.03
    assert pull.std() == pytest.approx(1.0, abs=0.025)
    assert master.unit == "adu"
    assert result.n_used == n
    assert result.info.imgtype is BIAS
    assert result.path.name == "BIAS.fits"
    if n > 1:
        # Half the relative error of a variance from 18 000 (n - 1) differences, times 4.
        tolerance = 4 * (2 * 18000 * (n - 1)) ** -0.5 + 0.01
        assert result.stats["read_noise"] == pytest.approx(chip.read_noise, rel=tolerance)
    assert bool(result.warnings) == (n < 5)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_read_noise_is_measured_below_one_adu(make_chip, n):
    chip = make_chip(gain=4.5, read_noise=3.0)
    result, _ = build(chip, BIAS, chip.take(n, BIAS))
    assert result.stats["read_noise"] == pytest.approx(3.0, rel=0.04)


def test_read_noise_declared_wrongly_is_noticed(chip):
    infos, paths = chip.take(6, BIAS)
    infos = [info.replace(read_noise=3.5) for info in infos]
    result, master = build(chip, BIAS, (infos, paths))
    assert result.stats["read_noise"] == pytest.approx(7.0, rel=0.08)
    assert any("times the variance" in w for w in result.warnings)
    assert pulls(master, chip.bias).std() == pytest.approx(1.0, abs=0.08)
    assert (master.bits != 0).mean() < 1e-3


def test_cosmic_rays_are_clipped(chip):
    infos, paths = [], []
    for i in range(9):
        data = chip.expose()
        data[10 + i, 20:40] = 30000
        path, info = chip.write(data, chip.info(BIAS))
        infos.append(info)
        paths.append(path)
    _, master = build(chip, BIAS, (infos, paths))
    assert np.abs(pulls(master, chip.bias)[10:19, 20:40]).max() < 5
    assert (master.bits[10:19, 20:40] == 0).all()


def test_unstable_pixels_are_defects(chip):
    infos, paths = [], []
    rng = np.random.default_rng(1)
    for _ in range(12):
        data = chip.expose()
        data[50, 60:70] = rng.normal(700, 80, 10)
        path, info = chip.write(data, chip.info(BIAS))
        infos.append(info)
        paths.append(path)
    result, master = build(chip, BIAS, (infos, paths))
    bad = master.bits & Bit.BAD_PIXEL != 0
    assert bad[50, 60:70].all()
    assert bad.sum() == 10
    assert result.stats["bad_fraction"] == pytest.approx(10 / bad.size, rel=1e-4)


def test_dark_is_a_rate_with_the_error_of_its_bias(chip):
    chip.dark[30, 40] = 40.0
    build(chip, BIAS, chip.take(4, BIAS))
    bias = chip.directory / "masters" / "BIAS.fits"
    result, master = build(chip, DARK, chip.take(8, DARK, exptime=120.0), bias=bias)
    pull = pulls(master, chip.dark)
    assert master.unit == "adu/s"
    assert abs(pull.mean()) < 0.03
    # Half of this variance comes from the bias, which is common to the eight darks.
    assert pull.std() == pytest.approx(1.0, abs=0.025)
    assert master.bits[30, 40] & Bit.BAD_PIXEL
    assert (master.bits != 0).sum() == 1
    roles = {i.role for i in read_provenance(result.path).inputs}
    assert roles == {"raw", "masterbias"}


def flats(chip, levels, exptime=3.0):
    return chip.take(len(levels), FLAT, light=levels, exptime=exptime)


@pytest.mark.parametrize(
    "levels", [[20000.0], [9000.0, 20000.0, 14000.0], [800.0] * 9, list(np.linspace(2e3, 3e4, 12))]
)
def test_flat_and_its_error(chip, levels):
    chip.dark[:] = 2.0
    build(chip, BIAS, chip.take(7, BIAS))
    bias = chip.directory / "masters" / "BIAS.fits"
    build(chip, DARK, chip.take(7, DARK, exptime=60.0), bias=bias)
    dark = chip.directory / "masters" / "DARK.fits"
    result, master = build(chip, FLAT, flats(chip, levels), bias=bias, dark=dark)
    assert np.median(master.data) == pytest.approx(1.0, abs=1e-6)
    # The median of a noisy image of a skew structure is not quite that of the structure; a
    # common factor of a flat means nothing.
    factor = np.mean(master.data / chip.flat)
    assert factor == pytest.approx(1.0, abs=2e-3)
    pull = pulls(master, chip.flat * factor)
    assert abs(pull.mean()) < 0.03
    assert pull.std() == pytest.approx(1.0, abs=0.025)
    assert (master.bits != 0).mean() < 1e-3
    np.testing.assert_allclose(result.stats["levels"], levels, rtol=5e-3)


def test_without_bias_the_flat_is_wrong_and_says_so(chip):
    result, master = build(chip, FLAT, flats(chip, [3000.0] * 5))
    assert "made without a bias" in result.warnings
    assert np.abs(pulls(master, chip.flat)).mean() > 1.5  # 0.8 for right errors


def test_stars_of_twilight_flats_go(chip):
    build(chip, BIAS, chip.take(9, BIAS))
    y, x = np.mgrid[: chip.ny, : chip.nx]
    infos, paths = [], []
    for i, level in enumerate(np.linspace(4000, 20000, 9)):
        star = 0.4 * level * np.exp(-((y - 60) ** 2 + (x - 20 - 12 * i) ** 2) / 8.0)
        path, info = chip.write(chip.expose(level + star, 2.0), chip.info(FLAT, exptime=2.0))
        infos.append(info)
        paths.append(path)
    bias = chip.directory / "masters" / "BIAS.fits"
    _, master = build(chip, FLAT, (infos, paths), bias=bias)
    near = (np.abs(y - 60) < 4) & (x > 12) & (x < 124)
    ratio = master.data[near] / chip.flat[near]
    # A star of 40 % averaged over nine frames would leave 4.4 % at its peak.
    assert np.abs(ratio - 1).max() < 0.02
    assert abs(ratio.mean() - 1) < 0.001


def test_defects_of_the_flat(chip):
    chip.flat[70, 80] = 0.4
    chip.flat[71, 90] = 0.0
    chip.flat[20:60, 100:140] *= 0.85  # a shadow of dust is not a defect
    chip.flat[:, :6] *= 0.2  # vignetted to below the limit
    build(chip, BIAS, chip.take(5, BIAS))
    bias = chip.directory / "masters" / "BIAS.fits"
    _, master = build(chip, FLAT, flats(chip, [9000.0] * 5), bias=bias)
    bad = master.bits & Bit.BAD_PIXEL != 0
    assert bad[70, 80]
    assert bad[71, 90]
    assert not bad[:, 10:].sum() - 2
    assert (master.bits[:, :6] & Bit.LOW_FLAT != 0).all()
    assert (master.bits[:, 6:] & Bit.LOW_FLAT != 0).sum() == 1


def reason_of(result, path):
    return dict(result.rejected)[path.name]


def test_flats_that_do_not_belong(chip):
    build(chip, BIAS, chip.take(5, BIAS))
    infos, paths = flats(chip, [9000.0] * 5)
    saturated = chip.write(chip.expose(90000.0), chip.info(FLAT))
    faint = chip.write(chip.expose(100.0), chip.info(FLAT))
    nonlinear = chip.write(chip.expose(25000.0), chip.info(FLAT, nonlinear=20000.0))
    ramp = 9000.0 * np.linspace(0.7, 1.3, chip.nx)
    odd = chip.write(chip.expose(ramp), chip.info(FLAT))
    small = chip.write(chip.expose(9000.0)[:50], chip.info(FLAT))
    broken = chip.write(chip.expose(9000.0), chip.info(FLAT))
    broken[0].write_bytes(broken[0].read_bytes()[:9000])
    empty = chip.directory / "empty.fits"
    empty.touch()
    strangers = [saturated, faint, nonlinear, odd, small, broken]
    infos += [info for _, info in strangers] + [chip.info(FLAT)]
    paths += [path for path, _ in strangers] + [empty]
    bias = chip.directory / "masters" / "BIAS.fits"
    result, master = build(chip, FLAT, (infos, paths), bias=bias)
    assert result.n_used == 5
    assert len(result.rejected) == 7
    assert "saturated" in reason_of(result, saturated[0])
    assert "too faint: 100 ADU" in reason_of(result, faint[0])
    assert "linear range" in reason_of(result, nonlinear[0])
    assert "large-scale structure" in reason_of(result, odd[0])
    assert "150x50" in reason_of(result, small[0])
    assert "truncated" in reason_of(result, broken[0])
    assert "empty" in reason_of(result, empty)
    assert sum("was rejected" in warning for warning in result.warnings) == 7
    assert [i.role for i in read_provenance(result.path).inputs] == ["raw"] * 5 + ["masterbias"]
    assert pulls(master, chip.flat).std() == pytest.approx(1.0, abs=0.03)


def test_a_bias_with_light_in_it_is_rejected(chip):
    infos, paths = chip.take(6, BIAS)
    lit = chip.write(chip.expose(200.0), chip.info(BIAS))
    noisy = chip.write(
        (chip.expose() + chip.rng.normal(0, 40, (chip.ny, chip.nx))).astype("u2"), chip.info(BIAS)
    )
    for path, info in (lit, noisy):
        infos.append(info)
        paths.append(path)
    result, _ = build(chip, BIAS, (infos, paths))
    assert result.n_used == 6
    assert "off the others" in reason_of(result, lit[0])
    assert "noise" in reason_of(result, noisy[0])


def test_nothing_left(chip):
    build(chip, BIAS, chip.take(1, BIAS))
    bias = chip.directory / "masters" / "BIAS.fits"
    with pytest.raises(AlgorithmFailed, match="no frame is left") as caught:
        build(chip, FLAT, flats(chip, [50.0, 60.0]), bias=bias)
    assert len(caught.value.numbers["rejected"]) == 2
    assert [p.name for p in bias.parent.iterdir()] == ["BIAS.fits"]
    with pytest.raises(NoWork):
        build(chip, FLAT, ([], []))


def test_a_dark_of_no_time(chip):
    infos, paths = chip.take(1, DARK, exptime=0.0)
    with pytest.raises(AlgorithmFailed, match="has no rate"):
        build(chip, DARK, (infos, paths))


def test_masters_that_do_not_fit(make_chip, chip):
    build(chip, BIAS, chip.take(2, BIAS))
    bias = chip.directory / "masters" / "BIAS.fits"
    with pytest.raises(BadFrame, match="not a master DARK but BIAS"):
        build(chip, FLAT, flats(chip, [9000.0]), dark=bias)
    other = make_chip(ny=180)
    frames = other.take(2, FLAT, light=9000.0, exptime=1.0)
    with pytest.raises(BadFrame, match="the master is 150x120, the frame 150x180"):
        build(other, FLAT, frames, bias=bias)


def test_all_nan_frame_is_rejected(chip):
    infos, paths = chip.take(3, BIAS)
    path, info = chip.write(np.full((chip.ny, chip.nx), np.nan, "f4"), chip.info(BIAS))
    result, _ = build(chip, BIAS, ([*infos, info], [*paths, path]))
    assert reason_of(result, path) == "not one pixel can be used"


def test_overscan_follows_the_drift_of_the_zero_level(make_chip):
    chip = make_chip(overscan=24)
    infos, paths = [], []
    for level in (0.0, 30.0, -45.0, 80.0, 12.0, -7.0):
        path, info = chip.write(chip.expose(level=level), chip.info(BIAS))
        infos.append(info)
        paths.append(path)
    result, master = build(chip, BIAS, (infos, paths))
    assert result.rejected == []
    light = master.data[:, 24:]
    pull = (light - (chip.bias - 690.0)) / np.sqrt(master.variance[:, 24:])
    # The level of each overscan is known to 5/sqrt(2880) ADU, common to its frame.
    assert abs(np.mean(light - (chip.bias - 690.0))) < 0.15
    assert pull.std() == pytest.approx(1.0, abs=0.03)


def test_same_frames_same_bytes_and_key(chip):
    infos, paths = chip.take(5, BIAS)
    one, _ = build(chip, BIAS, (infos, paths), name="one.fits")
    first = content_key(one.path)
    two, _ = build(chip, BIAS, (infos[::-1], paths[::-1]), name="one.fits")
    assert content_key(two.path) == first
    assert one.recipe_key == two.recipe_key == master_recipe_key(BIAS, infos, paths)
    assert read_provenance(one.path).recipe_key == one.recipe_key


def test_key_changes_with_what_it_depends_on(chip):
    infos, paths = chip.take(3, BIAS)
    keys = {master_recipe_key(BIAS, infos, paths)}
    keys.add(master_recipe_key(BIAS, infos[:2], paths[:2]))
    keys.add(master_recipe_key(BIAS, infos, paths, rules=MasterRules(nsigma=5.0)))
    keys.add(master_recipe_key(BIAS, [i.replace(gain=2.0) for i in infos], paths))
    keys.add(master_recipe_key(DARK, infos, paths))
    keys.add(master_recipe_key(BIAS, infos, paths, bias=paths[0]))
    content = bytearray(paths[0].read_bytes())
    content[-3000] ^= 1
    paths[0].write_bytes(content)
    keys.add(master_recipe_key(BIAS, infos, paths))
    paths[0].unlink()
    keys.add(master_recipe_key(BIAS, infos, paths))
    assert len(keys) == 8
