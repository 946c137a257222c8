"""Packed frames of MOPTOP by a declaration alone: two cameras, rotator, good coordinates."""

import os
from pathlib import Path

import pytest
from astropy.wcs.utils import proj_plane_pixel_scales

from polarnight.frames import read_header, wcs_from_header
from polarnight.instruments.generic import read_observatory
from polarnight.instruments.observatories import OBSERVATORIES

DATA = (
    Path(os.environ.get("POLARNIGHT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    / "moptop-rotation1"
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not DATA.is_dir(), reason=f"real frames are not at {DATA} (set POLARNIGHT_REAL_DATA)"
    ),
]


MOPTOP = """
telescope: {name: LT, longitude: -17.8792, latitude: 28.7624, height: 2344,
  TELESCOP: Liverpool Telescope}
name: MOPTOP by YAML
recognise: {INSTRUME: Moptop}
size: [2048, 2048]
pixel_scale: 0.21
gain: 0.55
read_noise: 0.9
requires: []
trusted_wcs: true
polarimeter: half-wave plate
beams: cameras
camera_beams: {filename: '^(\\d)_e_', values: {3: O, 4: E}}
image_types: {EXPOSE: LIGHT}
filters: {MOP-R: R}
keywords:
  image_type: OBSTYPE
  filter: FILTER1
  angle: MOPRBEG
  binning_x: CCDXBIN
  binning_y: CCDYBIN
  gain: EPERDN
  instrument_angle: ROTSKYPA
"""


def test_real_frames_of_two_cameras():
    camera = read_observatory(MOPTOP, "moptop.yaml").instruments["MOPTOP by YAML"]
    OBSERVATORIES.adopt((("moptop.yaml", MOPTOP),))
    try:
        infos = [camera.classify(read_header(p), p.name) for p in sorted(DATA.glob("*.fz"))]
    finally:
        OBSERVATORIES.adopt(None)
    assert len(infos) == 32
    assert {(info.band, info.binning, info.pixel_scale) for info in infos} == {("R", (2, 2), 0.42)}
    # The cameras are turned by 0.18 degrees against each other.
    for beam, turned in (("O", -142.013), ("E", -142.193)):
        own = [info for info in infos if info.beam == beam]
        assert sorted(info.rotangle for info in own) == [22.5 * step for step in range(16)]
        assert {info.instrument_angle for info in own} == {turned}


def test_the_headers_coordinates():
    """The stretch and turn of the header's coordinates are those of the declaration."""
    path = sorted(DATA.glob("3_e_*_1_1.fits.fz"))[0]
    wcs = wcs_from_header(read_header(path))
    scale = proj_plane_pixel_scales(wcs) * 3600.0
    assert scale == pytest.approx([0.42, 0.42], rel=0.01)
