"""Zero points of sources: colour terms as an option, their use recorded, and common errors."""

import numpy as np
import pytest
from astropy.table import Table

from polarnight.photometry.binning import bin_magnitudes
from polarnight.pipeline.groups.records import SourceRecord
from polarnight.pipeline.groups.relative import InstrumentalMagnitude, literature_share, zero_points

ZP, SLOPE = 22.3, 0.12


def field(rng, *, n=8, colours=True, target_colour=1.2, literature=0.01):
    """A target and n calibrators whose instrumental magnitudes follow a colour term."""
    sources, measured = [], {}
    for i in range(n + 1):
        colour = target_colour if i == 0 else 0.2 + 0.12 * i
        r = 14.0 + 0.1 * i
        mags = {"R": (r + literature * rng.standard_normal(), literature)}
        if colours:
            mags["V"] = (mags["R"][0] + colour, literature)
        calibrates = () if i == 0 else (1,)
        sources.append(
            SourceRecord(i + 1, f"s{i}", 10.0, 20.0, magnitudes=mags, calibrates=calibrates)
        )
        seen = r - ZP - SLOPE * colour + 0.003 * rng.standard_normal()
        measured[i + 1] = InstrumentalMagnitude(seen, 0.003)
    return sources, measured


def test_the_colour_term_is_right_at_the_colour_of_the_target():
    pulls, plain = [], []
    for seed in range(40):
        sources, measured = field(np.random.default_rng(seed))
        point = zero_points(measured, sources, "R", colour_term=True)[1]
        pulls.append((point.value - ZP - SLOPE * 1.2) / point.error)
        if seed < 8:
            plain.append(zero_points(measured, sources, "R")[1].value - ZP - SLOPE * 1.2)
    assert abs(np.mean(pulls)) < 0.5
    assert 0.7 < np.std(pulls) < 1.35
    assert np.mean(plain) == pytest.approx(SLOPE * (0.74 - 1.2), abs=0.01)


def test_its_use_is_recorded():
    sources, measured = field(np.random.default_rng(1))
    point = zero_points(measured, sources, "R", colour_term=True)[1]
    assert point.method == "student-t, colour term"
    told = point.details["colour_term"]
    assert told["colour"] == "V-R"
    assert told["colour_known"] is True
    assert told["slope"] == pytest.approx(SLOPE, abs=4 * told["slope_err"])
    assert "colour_term" not in zero_points(measured, sources, "R")[1].details


def test_a_target_of_unknown_colour_carries_the_spread_of_the_calibrators():
    sources, measured = field(np.random.default_rng(1))
    blind = SourceRecord(1, "s0", 10.0, 20.0)
    point = zero_points(measured, [blind, *sources[1:]], "R", colour_term=True)[1]
    assert point.details["colour_term"]["colour_known"] is False
    assert point.error > SLOPE * 0.2


@pytest.mark.parametrize(("n", "colours"), [(3, True), (8, False)])
def test_without_colours_the_plain_zero_point_serves_and_says_so(n, colours):
    sources, measured = field(np.random.default_rng(1), n=n, colours=colours)
    point = zero_points(measured, sources, "R", colour_term=True)[1]
    assert point.value == zero_points(measured, sources, "R")[1].value
    assert "fewer than 4" in point.details["colour_term"]["refused"]


def test_the_error_of_the_literature_is_told_apart():
    sources, measured = field(np.random.default_rng(1), literature=0.02)
    point = zero_points(measured, sources, "R")[1]
    share = point.details["literature_error"] / point.error
    assert share == pytest.approx(0.02 / np.hypot(0.02, 0.003))
    # Literature without errors leaves nothing in common.
    assert literature_share([0.003, 0.004], [0.0, 0.0]) == 0.0
    assert literature_share([0.02, 0.03], [0.02, 0.03]) == 1.0


def test_an_unknown_colour_is_unknown_in_every_frame():
    sources, measured = field(np.random.default_rng(1), literature=0.001)
    blind = SourceRecord(1, "s0", 10.0, 20.0)
    point = zero_points(measured, [blind, *sources[1:]], "R", colour_term=True)[1]
    assert point.details["literature_error"] > SLOPE * 0.2
    assert point.details["literature_error"] < point.error


def test_a_night_of_frames_is_no_better_than_its_literature():
    """Calibrators that scatter by more than their errors are as wrong in every frame."""
    rng = np.random.default_rng(3)
    off = 0.04 * rng.standard_normal(6)
    sources = [SourceRecord(1, "target", 10.0, 20.0)] + [
        SourceRecord(
            i + 2, f"s{i}", 10.0, 20.0, magnitudes={"R": (14.0 + off[i], 0.01)}, calibrates=(1,)
        )
        for i in range(6)
    ]
    rows, errors = [], []
    for frame in range(9):
        measured = {
            i + 1: InstrumentalMagnitude(14.0 - ZP + 0.003 * rng.standard_normal(), 0.003)
            for i in range(7)
        }
        point = zero_points(measured, sources, "R")[1]
        errors.append(point.error)
        rows.append(
            dict.fromkeys(("night", "telescope", "instrument", "flags"), "")
            | {"jd_utc": frame, "bjd_tdb": frame, "mag_limit": np.nan}
            | {"mag": point.value + measured[1].value, "mag_err": np.hypot(point.error, 0.003)}
            | {"mag_err_common": point.details["literature_error"]}
        )
    mean = bin_magnitudes(Table(rows=rows))[0]
    assert np.mean(errors) > 0.008  # twice what the quoted errors make
    assert mean["mag_err"] == pytest.approx(np.mean(errors), rel=0.05)
    assert abs(mean["mag"] - 14.0) < 3 * mean["mag_err"]


def test_a_calibrator_with_the_light_of_another_star_serves_only_where_there_is_no_other():
    sources, measured = field(np.random.default_rng(3), colours=False)
    alone = zero_points({k: v for k, v in measured.items() if k != 2}, sources, "R")[1]
    brighter = InstrumentalMagnitude(measured[2].value - 0.05, 0.003, crowded=True)
    point = zero_points({**measured, 2: brighter}, sources, "R")[1]
    assert point.value == alone.value
    assert "crowded" not in point.details
    only = zero_points({1: measured[1], 2: brighter}, sources, "R")[1]
    assert only.n == 1
    assert only.details["crowded"] is True


def test_a_calibrator_that_nobody_saw_says_nothing():
    sources, measured = field(np.random.default_rng(2), n=3)
    measured[2] = InstrumentalMagnitude(measured[2].value + 4.0, 0.8)
    point = zero_points(measured, sources, "R")[1]
    assert [told["name"] for told in point.details["calibrators"]] == ["s2", "s3"]
    measured |= {n: InstrumentalMagnitude(-3.0, 0.8) for n in (3, 4)}
    assert 1 not in zero_points(measured, sources, "R")
