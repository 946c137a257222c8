"""Real CAFOS frames of NGC 2420 (2021) are understood from their own headers."""

import os
from pathlib import Path

import pytest

from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import classify_file

_HERE = Path(__file__).resolve()
DATA = (
    Path(os.environ.get("POLARNIGHT_REAL_DATA", _HERE.parents[3] / "shared" / "data"))
    / "cafos-ngc2420"
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not DATA.is_dir(), reason=f"real frames are not at {DATA} (set POLARNIGHT_REAL_DATA)"
    ),
]

EXPECTED = {
    "uamA_0001.fits": (ImageType.BIAS, ObsMode.NONE, "", 0.0, "2021-03-18", "2021-03-18T15:09:53"),
    "uamA_0002.fits": (ImageType.BIAS, ObsMode.NONE, "", 0.0, "2021-03-18", "2021-03-18T15:10:35"),
    "uamA_0043.fits": (
        ImageType.FLAT, ObsMode.PHOTOMETRY, "B", 15.0, "2021-03-18", "2021-03-18T17:51:08",
    ),
    "uamA_0023.fits": (
        ImageType.LIGHT, ObsMode.PHOTOMETRY, "B", 2.0, "2021-03-28", "2021-03-28T23:06:34",
    ),
    "uamA_0028.fits": (
        ImageType.LIGHT, ObsMode.PHOTOMETRY, "B", 60.0, "2021-03-28", "2021-03-28T23:12:59",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_frames_of_ngc2420(name):
    from polarnight.instruments.times import isot_from_jd

    imgtype, mode, band, exptime, night, start = EXPECTED[name]
    info = classify_file(DATA / name)
    assert (info.imgtype, info.obsmode, info.band) == (imgtype, mode, band)
    assert (info.exptime, info.night, info.instrument) == (exptime, night, "CAFOS2.2")
    assert isot_from_jd(info.jd_start, digits=0) == start
    assert (info.width, info.height, info.binning) == (1024, 1024, (1, 1))
    assert (info.gain, info.read_noise, info.origin) == (1.43, 7.4, (512, 512))


def test_every_frame_is_understood():
    infos = [classify_file(path) for path in sorted(DATA.glob("*.fits"))]
    assert len(infos) == 9
    assert len({info.readmode for info in infos}) == 1


def test_science_pointing_is_of_the_equinox_of_date():
    info = classify_file(DATA / "uamA_0026.fits")
    assert info.pointing_equinoxes[0] == "date"
    assert (info.ra, info.dec) == (114.915879, 21.52592)
    assert info.object_name == "NCG2420 B"
