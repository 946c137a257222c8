"""Simulated nights small enough for tests, of every instrument there is."""

import pytest

from polarnight.instruments.observatories import OBSERVATORIES

NIGHTS = {
    "AndorT90": "2022-09-18",
    "AndorT150": "2023-09-18",
    "CAFOS2.2": "2025-09-13",
    "DIPOL": "2025-10-18",
    "DOLORES": "2016-06-06",
    "RoperT90": "2020-09-18",
}

GARDEN = """
telescope: {name: Garden, longitude: 255.0, latitude: 40.0, height: 1500, TELESCOP: [Garden]}
instruments:
- name: Camera
  recognise: {INSTRUME: [Camera]}
  size: [420, 360]
  pixel_scale: 1.1
  detector:
  - {gain: 1.2, read_noise: 6.0}
  - {from: 2026-02-01, gain: 2.4, read_noise: 5.0}
  filters: {Bessel V: V, Bessel R: R, L: Clear}
  keywords: {gain: [], time_of_day: UT, date_obs: DATE, ra: RA, ra_hours: []}
- name: Polaroids
  recognise: {INSTRUME: [Polaroids]}
  size: [420, 360]
  pixel_scale: 1.1
  gain: 1.2
  read_noise: 6.0
  filters: {V: V, R: R, P0: R, P60: R, P120: R}
  polarimeter: polaroids
  polaroids: {P0: 0, P60: 60, P120: 120}
  date_is: end
- name: Double
  recognise: {INSTRUME: [Double]}
  size: [420, 360]
  pixel_scale: 1.1
  gain: 1.2
  read_noise: 6.0
  polarimeter: half-wave plate
  pair: {dx: 30, dy: 2, sx: 1, sy: 1}
  keywords: {angle: HWPANG, mjd: MJD}
  angle_sense: -1
  requires: [BIAS, DARK, FLAT]
  simulation: {noise_tail: 0.3, mirrored: true, diameter: 0.6, zero_points: {R: 22.5}}
- name: Circular
  recognise: {INSTRUME: [Circular]}
  size: [420, 360]
  pixel_scale: 1.1
  gain: 1.2
  read_noise: 6.0
  polarimeter: quarter-wave plate
  retardance: 92
  pair: {dx: 3, dy: 30, sx: 1, sy: 1}
  keywords: {angle: QWPANGLE12}
  polarimetry_when: {QWP: [IN]}
- name: Cameras
  recognise: {INSTRUME: [Cameras]}
  size: [420, 360]
  pixel_scale: 1.1
  gain: 1.2
  read_noise: 6.0
  polarimeter: half-wave plate
  beams: cameras
  camera_beams: {filename: "_cam([12])\\\\.fits$", values: {1: O, 2: E}}
  keywords: {angle: HWP, instrument_angle: ROTPA, jd: JD}
  trusted_wcs: true
  date_is: middle
"""

DECLARED = ("Camera", "Polaroids", "Double", "Circular", "Cameras")
NIGHTS |= dict.fromkeys(DECLARED, "2026-01-20")


@pytest.fixture(scope="module")
def garden():
    """An observatory declared by a file, with an instrument of every kind."""
    OBSERVATORIES.adopt((("garden.yaml", GARDEN),))
    yield DECLARED
    OBSERVATORIES.adopt(None)
