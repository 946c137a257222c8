"""Masters and reduced frames of real CAFOS data: two biases, one flat, six science frames."""

import os
from pathlib import Path

import numpy as np
import pytest

from polarnight.calibration import (
    MasterRecord,
    associate,
    build_master,
    group_calibrations,
    reduce_frame,
)
from polarnight.frames import ImageType, read_frame, read_raw, write_frame
from polarnight.instruments import classify_file

DATA = Path(os.environ.get("POLARNIGHT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
CAFOS = DATA / "cafos-ngc2420"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CAFOS.is_dir(), reason=f"no real frames in {CAFOS}"),
]


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Normalised headers, and masters by kind."""
    out = tmp_path_factory.mktemp("masters")
    infos = {info.filename: info for info in map(classify_file, sorted(CAFOS.glob("*.fits")))}
    masters = {}
    for group in group_calibrations(infos.values()):
        bias = masters[ImageType.BIAS].path if ImageType.BIAS in masters else None
        masters[group.kind] = build_master(
            group.kind,
            group.infos,
            [CAFOS / info.filename for info in group.infos],
            bias=bias,
            out=out / f"{group.kind}.fits",
        )
    return infos, masters


def test_masters(night):
    _, masters = night
    assert {str(kind) for kind in masters} == {"BIAS", "FLAT"}
    bias, flat = masters[ImageType.BIAS], masters[ImageType.FLAT]
    assert (bias.n_used, flat.n_used) == (2, 1)
    assert bias.stats["level"] == pytest.approx(672.0, abs=1.0)
    # Pickup noise more than doubles the 7.4 e of the header; the difference of the two frames
    # has a robust standard deviation of 10.5 sqrt(2) ADU.
    assert 13.0 < bias.stats["read_noise"] < 16.0
    assert any("times the variance" in warning for warning in bias.warnings)
    assert any("made of 1 frame only" in warning for warning in flat.warnings)
    assert flat.stats["bad_fraction"] < 0.01
    part = read_frame(flat.path).data[100:900, 100:900]
    assert 0.5 < np.percentile(part, 1) < np.percentile(part, 99) < 1.5


def test_association_of_old_calibrations(night):
    infos, masters = night
    records = [MasterRecord.from_info(str(k), k, r.info) for k, r in masters.items()]
    lights = [info for info in infos.values() if info.imgtype is ImageType.LIGHT]
    assert len(lights) == 6
    for info in lights:
        for kind in (ImageType.BIAS, ImageType.FLAT):
            found = associate(info, records, kind)
            assert found.level == 2
            assert -11 < found.delta_days < -10
            assert "days earlier" in found.reason


def test_read_without_a_blank_that_cannot_be():
    raw = read_raw(CAFOS / "uamA_0026.fits")
    assert raw.header["BLANK"] == 32768
    assert raw.blank is None
    assert raw.data.dtype == np.uint16


@pytest.mark.parametrize(
    ("names", "tolerance"),
    # The pickup of this camera changes from frame to frame: in the short exposures, where it is
    # the greater part of the noise, it is stronger than in the biases that the errors rest on.
    # With the read noise of the header the error would be 40 % too small there.
    [(("uamA_0024.fits", "uamA_0025.fits"), 0.15), (("uamA_0027.fits", "uamA_0028.fits"), 0.05)],
)
def test_noise_of_the_sky_is_what_the_variance_says(night, names, tolerance, tmp_path):
    infos, masters = night
    paths = {"bias": masters[ImageType.BIAS].path, "flat": masters[ImageType.FLAT].path}
    frames = [reduce_frame(CAFOS / name, infos[name], **paths) for name in names]
    info = infos[names[0]]
    assert frames[0].shape == (info.trim.y1 - info.trim.y0, info.trim.x1 - info.trim.x0)
    good = ~(frames[0].mask() | frames[1].mask())
    assert good.mean() > 0.99
    difference = (frames[1].data - frames[0].data)[good]
    difference -= np.median(difference)
    measured = 1.4826 * np.median(np.abs(difference)) / 2**0.5
    # The errors of the masters are common to both frames and cancel in their difference.
    sky = np.median(frames[0].data[good])
    read_noise = frames[0].meta["read_noise"]["used"]
    predicted = (sky / info.gain + (read_noise / info.gain) ** 2 + 1 / 12) ** 0.5
    assert measured == pytest.approx(predicted, rel=tolerance)
    write_frame(tmp_path / names[0], frames[0])
    back = read_frame(tmp_path / names[0])
    np.testing.assert_array_equal(back.data, frames[0].data)


def test_stars_are_not_taken_for_cosmic_rays(night):
    infos, masters = night
    masters = {"bias": masters[ImageType.BIAS].path, "flat": masters[ImageType.FLAT].path}
    first, second = (
        reduce_frame(CAFOS / name, infos[name], **masters)
        for name in ("uamA_0027.fits", "uamA_0028.fits")
    )
    hit = [frame.bits & 32 != 0 for frame in (first, second)]
    assert 5 < hit[0].sum() < 200
    # Cosmic rays do not strike twice; what is marked in both frames would be stars or defects.
    assert (hit[0] & hit[1]).sum() <= 5
