"""The normalised header survives JSON, also one that an earlier version wrote."""

import json

from polarnight.frames import FrameInfo, ImageType, ObsMode, Section

INFO = FrameInfo(
    telescope="T", instrument="I", filename="a.fits", night="2025-01-01",
    imgtype=ImageType.LIGHT, obsmode=ObsMode.POLARIMETRY, band="R", rotangle=22.5, exptime=10.0,
    jd_start=2460000.5, jd_mid=2460000.6, width=10, height=8, binning=(2, 2), gain=1.0,
    read_noise=5.0, saturation=65535.0, nonlinear=6e4, pixel_scale=0.5,
    trim=Section(1, 9, 0, 8), beam="E", instrument_angle=41.5,
)  # fmt: skip


def test_there_and_back():
    assert FrameInfo.from_dict(json.loads(json.dumps(INFO.to_dict()))) == INFO


def test_before_there_were_beams_on_cameras_and_rotators():
    old = INFO.to_dict()
    del old["beam"], old["instrument_angle"]
    read = FrameInfo.from_dict(old)
    assert (read.beam, read.instrument_angle) == ("", None)
    assert read == INFO.replace(beam="", instrument_angle=None)
