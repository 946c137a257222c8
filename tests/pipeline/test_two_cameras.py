"""Photometry by two cameras that see one beam each."""

import dataclasses

import pytest

from polarnight.pipeline.groups.records import ApertureRow
from polarnight.pipeline.groups.two_cameras import (
    CameraGain,
    on_scale_of_first,
    simultaneous,
    with_error_of_gain,
)
from polarnight.polarimetry import PolarimetryRecord

SECOND = 1.0 / 86400.0


def record(key, start, beam, *, exptime=60.0, band="R", angle=0.0):
    jd = 2460000.0 + (start + 0.5 * exptime) * SECOND
    return PolarimetryRecord(key, 10.0, 20.0, "", "Cameras", band, exptime, angle, jd, beam)


def keys(records):
    return [tuple(r.key for r in exposure) for exposure in simultaneous(records)]


def test_frames_at_one_time_are_one_exposure():
    frames = [record(1, 0, "O"), record(2, 1, "E"), record(4, 70, "E"), record(3, 71, "O")]
    assert keys(frames) == [(1, 2), (3, 4)]
    assert keys(frames[::-1]) == [(1, 2), (3, 4)]


def test_what_is_of_another_band_or_time_or_length_is_no_partner():
    frames = [
        record(1, 0, "O"),
        record(2, 0, "E", band="V"),
        record(3, 100, "E"),
        record(4, 0, "E", exptime=30.0),
    ]
    assert sorted(keys(frames)) == [(1,), (2,), (3,), (4,)]


def test_frames_of_one_camera_stay_alone():
    assert keys([record(1, 0, ""), record(2, 0, ""), record(3, 70, "")]) == [(1,), (2,), (3,)]


def test_where_the_plate_stands_does_not_matter_in_photometry():
    assert keys([record(1, 0, "O", angle=0.0), record(2, 0, "E", angle=45.0)]) == [(1, 2)]


def test_counts_are_brought_to_the_scale_of_the_first():
    values = {f.name: 0 for f in dataclasses.fields(ApertureRow)}
    rows = [
        ApertureRow(**values | {"frame": n, "flux_counts": 100.0, "flux_counts_err": 5.0})
        for n in (7, 8)
    ]

    class Loaded:
        def __init__(self, key):
            self.ref = type("Ref", (), {"id": key})

    first, second = on_scale_of_first(rows, [Loaded(7), Loaded(8)], CameraGain(1.25))
    assert (first.flux_counts, first.flux_counts_err) == (100.0, 5.0)
    assert second.flux_counts == pytest.approx(80.0)
    assert second.flux_counts_err == pytest.approx(4.0)
    # Half the difference of the beams times the error of their ratio.
    pair = [first, second]
    assert with_error_of_gain(3.0, pair, CameraGain(1.25, 0.4)) == pytest.approx(5.0)
    assert with_error_of_gain(3.0, pair, CameraGain(1.25)) == 3.0
    assert with_error_of_gain(3.0, pair[:1], CameraGain(1.0, 0.4)) == 3.0
