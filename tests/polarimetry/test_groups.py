import random

import pytest

from polarnight.polarimetry import PolarimetryRecord, make_groups, pair_cameras

POLAROIDS = (-45.0, 0.0, 45.0, 90.0)
MINUTE = 1 / 1440


def record(key, angle, minutes, **more):
    values = {
        "key": key,
        "ra": 330.680,
        "dec": 42.278,
        "name": "BL Lac",
        "instrument": "AndorT90",
        "band": "R",
        "exptime": 60.0,
        "angle": angle,
        "jd": 2460000.4 + minutes * MINUTE,
    } | more
    return PolarimetryRecord(**values)


def cycle(start, prefix, angles=POLAROIDS, **more):
    return [record(f"{prefix}{i}", a, start + 1.5 * i, **more) for i, a in enumerate(angles)]


def keys(cycles):
    return [[r.key for r in c.records] for c in cycles]


def test_cycles_follow_each_other():
    found = make_groups(cycle(0, "a") + cycle(6, "b"), angles=POLAROIDS)
    assert keys(found) == [["a0", "a1", "a2", "a3"], ["b0", "b1", "b2", "b3"]]
    assert all(c.complete for c in found)
    assert [c.reason for c in found] == ["angle repeats", "end"]


def repeated(start, prefix, times, angles=POLAROIDS):
    sequence = [angle for angle in angles for _ in range(times)]
    return [record(f"{prefix}{i}", a, start + 1.5 * i) for i, a in enumerate(sequence)]


@pytest.mark.parametrize("times", [2, 3])
def test_several_exposures_at_each_angle_are_one_cycle(times):
    found = make_groups(repeated(0, "a", times) + repeated(20, "b", times), angles=POLAROIDS)
    n = 4 * times
    assert keys(found) == [[f"{p}{i}" for i in range(n)] for p in "ab"]
    assert all(c.complete for c in found)


def test_an_exposure_taken_again_does_not_break_the_cycle():
    again = [record("again", POLAROIDS[1], 2.0)]
    found = make_groups(cycle(0, "a") + again, angles=POLAROIDS)
    assert keys(found) == [["a0", "a1", "again", "a2", "a3"]]


def test_a_sequence_that_turns_back_is_two_cycles():
    there_and_back = cycle(0, "a") + cycle(6, "b", POLAROIDS[::-1])
    found = make_groups(there_and_back, angles=POLAROIDS)
    assert keys(found) == [["a0", "a1", "a2", "a3"], ["b0", "b1", "b2", "b3"]]


def test_repeated_exposures_with_angles_missing_stay_incomplete():
    found = make_groups(repeated(0, "a", 3, POLAROIDS[:2]), angles=POLAROIDS)
    assert len(found) == 1
    assert found[0].missing == (45.0, 90.0)


def test_order_of_the_input_does_not_matter():
    records = cycle(0, "a") + cycle(6, "b") + cycle(2, "c", ra=10.0, name="other")
    expected = keys(make_groups(records, angles=POLAROIDS))
    random.Random(1).shuffle(records)
    assert keys(make_groups(records, angles=POLAROIDS)) == expected


def test_an_incomplete_cycle_is_reported_and_not_filled_from_another_hour():
    found = make_groups(cycle(0, "a", POLAROIDS[:3]) + cycle(90, "b"), angles=POLAROIDS)
    assert [c.complete for c in found] == [False, True]
    assert found[0].missing == (90.0,)
    assert found[0].reason == "gap"


def test_a_lost_frame_in_the_middle_does_not_shift_the_next_cycle():
    first = cycle(0, "a")
    del first[1]
    found = make_groups(first + cycle(6, "b"), angles=POLAROIDS)
    assert keys(found) == [["a0", "a2", "a3"], ["b0", "b1", "b2", "b3"]]
    assert found[0].missing == (0.0,)


def test_targets_are_told_apart_by_position_not_by_name():
    first = cycle(0, "a", name="BLLac")
    second = cycle(0.5, "b", ra=83.6, name="BLLac")
    third = cycle(8, "c", name="2200+420", ra=330.6801)
    found = make_groups(first + second + third, angles=POLAROIDS)
    assert keys(found) == [[f"{x}{i}" for i in range(4)] for x in "abc"]
    mixed = [record("m", -45, 0, name="x"), record("n", 0, 1, name="BL Lac")]
    assert len(make_groups(mixed, angles=POLAROIDS)) == 1


def test_names_count_where_positions_are_unknown():
    records = cycle(0, "a", ra=None, name="bl  lac") + cycle(0.2, "b", ra=None, name="Mrk 421")
    assert len(make_groups(records, angles=POLAROIDS)) == 2


@pytest.mark.parametrize("change", [{"band": "V"}, {"exptime": 30.0}, {"instrument": "CAFOS2.2"}])
def test_what_keeps_frames_apart(change):
    records = cycle(0, "a", POLAROIDS[:2]) + cycle(3, "b", POLAROIDS[2:], **change)
    assert [len(c.records) for c in make_groups(records, angles=POLAROIDS)] == [2, 2]


def test_the_gap_counts_from_the_end_of_an_exposure():
    long = {"exptime": 900.0}
    records = [record("a", 0, 0, **long), record("b", 45, 20, **long)]
    assert len(make_groups(records, angles=(0, 45), max_gap=600)) == 1
    assert len(make_groups(records, angles=(0, 45), max_gap=200)) == 2


def test_angles_repeat_modulo_the_period():
    half_turn = [record("a", -45, 0), record("b", 135, 1)]
    assert len(make_groups(half_turn, angles=(-45,))) == 2
    plate = [record("a", 0, 0), record("b", 180, 1)]
    assert len(make_groups(plate, angles=(0, 180), period=360.0)) == 1


def test_right_ascension_wraps():
    records = [record("a", 0, 0, ra=359.9999), record("b", 45, 1, ra=0.0001)]
    assert len(make_groups(records, angles=(0, 45))) == 1


def test_nothing_gives_nothing():
    assert make_groups([], angles=POLAROIDS) == []


SIXTEEN = tuple(22.5 * n for n in range(16))


def two_cameras(start, prefix, angles=SIXTEEN, late=0.02):
    """A turn of the plate before two cameras, whose clocks differ by a second."""
    found = []
    for n, angle in enumerate(angles):
        common = {"exptime": 4.0, "instrument": "MOPTOP"}
        found.append(record(f"{prefix}{n}o", angle, start + 0.1 * n, beam="O", **common))
        found.append(record(f"{prefix}{n}e", angle, start + 0.1 * n + late, beam="E", **common))
    return found


def test_frames_of_two_cameras_are_one_exposure():
    records = two_cameras(0, "a") + two_cameras(1.6, "b")
    random.Random(5).shuffle(records)
    found = make_groups(records, angles=SIXTEEN, period=360.0)
    assert [len(c.records) for c in found] == [32, 32]
    assert all(c.complete and not c.unpaired for c in found)
    assert keys(found)[0][:4] == ["a0o", "a0e", "a1o", "a1e"]


def test_a_missing_partner_is_reported():
    records = [r for r in two_cameras(0, "a") if r.key != "a5e"]
    (found,) = make_groups(records, angles=SIXTEEN, period=360.0)
    assert [r.key for r in found.unpaired] == ["a5o"]
    assert not found.complete
    assert found.missing == ()
    assert len(found.records) == 31


def test_exposures_that_do_not_overlap_are_no_pair():
    late = two_cameras(0, "a", angles=(0.0, 22.5), late=0.07)  # 4.2 s after exposures of 4 s
    assert [len(exposure) for exposure in pair_cameras(late)] == [1, 1, 1, 1]
    other = [record("o", 0.0, 0, beam="O"), record("e", 22.5, 0, beam="E")]
    assert [len(exposure) for exposure in pair_cameras(other)] == [1, 1]


def test_of_several_partners_the_one_that_overlaps_longest():
    records = [
        record("o", 0.0, 0.0, beam="O"),
        record("e1", 0.0, -0.6, beam="E"),
        record("e2", 0.0, 0.1, beam="E"),
    ]
    assert [[r.key for r in e] for e in pair_cameras(records)] == [["e1"], ["o", "e2"]]


def test_thousands_of_frames_of_two_cameras_are_quick():
    records = [r for n in range(150) for r in two_cameras(1.6 * n, f"{n:03d}-")]
    found = make_groups(records, angles=SIXTEEN, period=360.0)
    assert len(records) == 4800
    assert [len(c.records) for c in found] == [32] * 150
