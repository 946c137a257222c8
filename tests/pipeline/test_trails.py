"""Frames of a cycle on which the stars are trailed are told from those on which they are not."""

from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.astrometry import DetectionFlag
from polarnight.frames import FrameInfo, ImageType, ObsMode
from polarnight.pipeline.groups.trails import usual_elongation, without_trailed

FOUR = ("CAFOS2.2", (0.0, 22.5, 45.0, 67.5))
SIXTEEN = ("DIPOL", tuple(22.5 * np.arange(16)))


def frame(number, angle, instrument, elongation, *, n=30, snr=100.0, flags=0):
    rng = np.random.default_rng(number)
    start = 2460000.0 + 1e-3 * number
    info = FrameInfo(
        telescope="CAHA-T220", instrument=instrument, filename=f"{number}.fits",
        night="2023-02-24", imgtype=ImageType.LIGHT, obsmode=ObsMode.POLARIMETRY, band="R",
        rotangle=angle, exptime=10.0, jd_start=start, jd_mid=start + 6e-5, width=400, height=400,
        binning=(1, 1), gain=1.0, read_noise=1.0, saturation=6e4, nonlinear=6e4, pixel_scale=0.5,
    )  # fmt: skip
    flux = rng.uniform(1e3, 1e5, n)
    table = {
        "flux": flux,
        "flux_err": flux / snr,
        "elongation": elongation * rng.uniform(1.0, 1.1, n),
        "flags": np.full(n, int(flags)),
    }
    return SimpleNamespace(ref=SimpleNamespace(id=number, info=info), detections=table)


def cycle(case, elongations, **kept):
    name, angles = case
    every = [*elongations, *[1.0] * (len(angles) - len(elongations))]
    return [
        frame(i, a, name, e, **kept) for i, (a, e) in enumerate(zip(angles, every, strict=True))
    ]


def test_trailed_frame_is_left_out_where_angles_are_left():
    frames = cycle(SIXTEEN, [1.0, 4.0])
    kept, remarks, refused = without_trailed(frames, 1.5)
    assert [one.ref.id for one in kept] == [0, *range(2, 16)]
    assert len(remarks) == 1
    assert "stars are trailed (elongation 4." in remarks[0]
    assert "22.5 deg" in remarks[0]
    assert refused == ""


def test_cycle_of_four_angles_can_spare_none():
    frames = cycle(FOUR, [1.0, 4.0])
    kept, remarks, refused = without_trailed(frames, 1.5)
    assert kept == frames
    assert remarks == ()
    assert "stars are trailed" in refused
    assert refused.endswith("at 22.5 deg; 3 angles are left, 4 are needed")


@pytest.mark.parametrize(
    ("elongations", "kept"),
    [
        ((1.1,), {}),
        ((1.2, 1.1, 1.2, 1.0), {}),
        ((4.0, 4.0, 4.0, 4.0), {}),
        ((4.0,), {"n": 3}),
        ((4.0,), {"snr": 10.0}),
        ((4.0,), {"flags": DetectionFlag.SATURATED}),
    ],
    ids=["guiding", "guiding on all", "all trailed", "few", "faint", "saturated"],
)
def test_nothing_is_left_out(elongations, kept):
    frames = cycle(FOUR, elongations, **kept)
    assert without_trailed(frames, 1.5) == (frames, (), "")


def test_lines_among_round_stars_do_not_count():
    one = frame(0, 0.0, "CAFOS2.2", 1.0)
    before = usual_elongation(one)
    one.detections["elongation"][np.argsort(one.detections["flux"])[-15:]] = 30.0
    assert usual_elongation(one) == pytest.approx(before, abs=0.06)
