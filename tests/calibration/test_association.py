"""Grouping of calibrations and the choice of masters, with reasons."""

import itertools

import pytest

from polarnight.calibration import (
    AssociationRules,
    MasterRecord,
    associate,
    group_calibrations,
    hard_keys,
)
from polarnight.frames import ImageType, ObsMode, Section

JD = 2460409.4
NIGHTS = {0: "2024-04-08", -3: "2024-04-05", 5: "2024-04-13", -20: "2024-03-19", 90: "2024-07-07"}


def record(chip, days, kind=ImageType.FLAT, name=None, more=None, **changes):
    info = chip.info(kind, night=NIGHTS[round(days)], jd_mid=JD + days, **changes)
    return MasterRecord.from_info(name or f"m{days:+g}", kind, info, **(more or {}))


def light(chip, **changes):
    return chip.info(ImageType.LIGHT, jd_mid=JD, **changes)


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [
        (0.3, 0, "level 0 (same night), 0.30 days later"),
        (-3, 1, "level 1 (within 7 days), 3.00 days earlier"),
        (-20, 2, "level 2 (within the 30 days of validity of the instrument), 20.00 days earlier"),
        (90, 3, "level 3 (outside the range of validity, risky), 90.00 days later"),
    ],
)
def test_levels(chip, days, level, said):
    found = associate(light(chip), [record(chip, days)], ImageType.FLAT)
    assert found.level == level
    assert found.risky == (level == 3)
    assert found.delta_days == pytest.approx(days)
    assert said in found.reason
    assert found.nearest == ()


def test_best_level_then_nearest_in_time_whatever_the_order(chip):
    records = [record(chip, days) for days in (90, -20, 5, -3)]
    for order in itertools.permutations(records):
        assert associate(light(chip), order, ImageType.FLAT).choice.id == "m-3"
    records.append(record(chip, 0.4))
    assert associate(light(chip), records, ImageType.FLAT).choice.id == "m+0.4"


def test_same_night_wins_over_a_nearer_one_of_the_next(chip):
    tonight = record(chip, 0.45)
    tomorrow = MasterRecord.from_info(
        "next", ImageType.FLAT,
        chip.info(ImageType.FLAT, night="2024-04-09", jd_mid=JD + 0.4),
    )  # fmt: skip
    assert associate(light(chip), [tomorrow, tonight], ImageType.FLAT).choice is tonight


def test_ignored_masters_are_never_used(chip):
    good, bad = record(chip, -20), record(chip, 0.1, more={"ignored": True})
    assert associate(light(chip), [good, bad], ImageType.FLAT).choice is good
    alone = associate(light(chip), [bad], ImageType.FLAT)
    assert alone.choice is None
    assert alone.nearest[0].key == "ignored"


def test_risky_masters_may_be_refused(chip):
    rules = AssociationRules(allow_risky=False)
    found = associate(light(chip), [record(chip, 90)], ImageType.FLAT, rules)
    assert found.choice is None
    assert found.nearest[0][1:] == ("days apart", 30.0, 90.0)
    assert "days apart 90.0, wanted 30" in found.reason


def test_stated_validity(chip):
    until = record(chip, -3, more={"valid_to": JD - 1})
    assert associate(light(chip), [until], ImageType.FLAT).level == 3
    around = record(chip, 90, more={"valid_from": JD - 1, "valid_to": JD + 100})
    found = associate(light(chip), [until, around], ImageType.FLAT)
    assert (found.choice.id, found.level) == ("m+90", 2)
    assert "stated validity" in found.reason


@pytest.mark.parametrize(
    ("change", "key", "wanted", "found"),
    [
        ({"band": "V"}, "band", "R", "V"),
        ({"binning": (2, 2)}, "binning", [1, 1], [2, 2]),
        ({"beam": "E"}, "beam", "", "E"),
        ({"readmode": "slow"}, "readmode", "", "slow"),
        ({"instrument": "RoperT90"}, "instrument", "AndorT90", "RoperT90"),
        ({"obsmode": ObsMode.POLARIMETRY}, "obsmode", "PHOTOMETRY", "POLARIMETRY"),
    ],
)
def test_each_hard_key_is_named(chip, change, key, wanted, found):
    result = associate(light(chip), [record(chip, 0.1, **change)], ImageType.FLAT)
    assert result.choice is None
    assert result.level is None
    assert result.nearest[0][1:] == (key, wanted, found)
    assert f"has {key} {found}, wanted {wanted}" in result.reason


WINDOW = {"width": 60, "height": 40, "origin": (50, 30)}


@pytest.mark.parametrize("kind", [ImageType.BIAS, ImageType.DARK, ImageType.FLAT])
def test_a_window_is_cut_from_a_larger_master(chip, kind):
    whole = record(chip, 0.1, kind, name="whole")
    found = associate(light(chip, **WINDOW), [whole], kind)
    assert found.choice is whole
    assert found.level == 0
    assert found.cut == "cut from 150x120 at 50,30"
    assert found.reason.endswith("later, cut from 150x120 at 50,30")
    # The place is that in the master, which may be a window itself.
    part = record(chip, 0.1, kind, width=100, height=80, origin=(40, 20))
    assert associate(light(chip, **WINDOW), [part], kind).cut == "cut from 100x80 at 10,10"


def test_the_very_window_comes_first_unless_it_is_risky(chip):
    whole = record(chip, 0.1, name="whole")
    older = record(chip, -20, name="window", **WINDOW)
    risky = record(chip, 90, name="risky", **WINDOW)
    wanted = light(chip, **WINDOW)
    for order in itertools.permutations([whole, older, risky]):
        found = associate(wanted, order, ImageType.FLAT)
        assert (found.choice, found.cut) == (older, "")
    assert associate(wanted, [risky, whole], ImageType.FLAT).choice is whole
    assert associate(wanted, [risky], ImageType.FLAT).choice is risky
    # A frame of the whole chip is served by no window.
    assert associate(light(chip), [older, whole], ImageType.FLAT).choice is whole


@pytest.mark.parametrize(
    ("master", "found"),
    [
        ({"width": 100, "height": 60, "origin": (60, 30)}, "100x60 at 60,30"),  # left column
        ({"width": 59, "height": 60, "origin": (50, 30)}, "59x60 at 50,30"),  # too narrow
        ({"width": 150, "height": 69, "origin": (0, 0)}, "150x69 at 0,0"),  # lacks the top row
        ({"origin": (0, 31)}, "150x120 at 0,31"),
    ],
)
def test_a_master_that_does_not_contain_the_window_is_named(chip, master, found):
    result = associate(light(chip, **WINDOW), [record(chip, 0.1, **master)], ImageType.FLAT)
    assert result.choice is None
    assert result.nearest[0][1:] == ("contains", "60x40 at 50,30", found)
    assert f"contains {found}, wanted 60x40 at 50,30" in result.reason


@pytest.mark.parametrize("change", [{"binning": (2, 2)}, {"readmode": "slow"}, {"band": "V"}])
def test_a_larger_master_must_agree_in_all_other_keys(chip, change):
    result = associate(light(chip, **WINDOW), [record(chip, 0.1, **change)], ImageType.FLAT)
    assert result.choice is None
    assert result.nearest[0].key == next(iter(change))


def test_an_image_of_unknown_place_is_no_window_in_the_corner(chip):
    small = light(chip, width=60, height=40)
    whole = record(chip, 0.1)
    result = associate(small, [whole], ImageType.FLAT)
    assert result.choice is None
    assert result.nearest[0].key == "contains"
    assert "if its header tells where the window lies" in result.reason
    told = AssociationRules(corner_windows=True)
    assert associate(small, [whole], ImageType.FLAT, told).cut == "cut from 150x120 at 0,0"
    assert associate(small, [whole], ImageType.FLAT, AssociationRules(cut=False)).choice is None


def test_only_pixels_with_light_have_to_be_contained(chip):
    trim = {"trim": Section(1, 60, 2, 40)}
    # Rows and columns without light reach beyond the master: nobody needs them.
    master = record(chip, 0.1, width=100, height=90, origin=(51, 32))
    assert associate(light(chip, **WINDOW, **trim), [master], ImageType.FLAT).choice is master
    assert associate(light(chip, **WINDOW), [master], ImageType.FLAT).choice is None
    dark_corner = record(chip, 0.1, trim=Section(55, 150, 0, 120))
    assert associate(light(chip, **WINDOW), [dark_corner], ImageType.FLAT).choice is None


def test_flats_that_serve_any_angle(chip):
    any_angle = AssociationRules(flat_angles="any")
    through = light(chip, obsmode=ObsMode.POLARIMETRY, rotangle=67.5, **WINDOW)
    flats = [
        record(chip, -3, name="plain"),
        record(chip, 0.1, name="a0", obsmode=ObsMode.POLARIMETRY, rotangle=0.0),
        record(chip, 0.1, name="other", band="V"),
    ]
    assert associate(through, flats, ImageType.FLAT).choice is None
    found = associate(through, flats, ImageType.FLAT, any_angle)
    assert (found.choice.id, found.cut) == ("a0", "cut from 150x120 at 50,30")
    assert associate(light(chip), flats, ImageType.FLAT, any_angle).choice.id == "a0"
    infos = [
        chip.info(ImageType.FLAT, filename=f"f{k}", rotangle=22.5 * k, obsmode=mode)
        for k, mode in enumerate([ObsMode.PHOTOMETRY] + [ObsMode.POLARIMETRY] * 4)
    ]
    assert [len(g.infos) for g in group_calibrations(infos)] == [1, 1, 1, 1, 1]
    assert [len(g.infos) for g in group_calibrations(infos, flat_angles="any")] == [5]


def test_nearest_miss_first(chip):
    records = [
        record(chip, 0.1, name="far", band="V", binning=(2, 2)),
        record(chip, 5, name="near", band="V"),
        record(chip, -3, name="nearer", band="V"),
    ]
    found = associate(light(chip), records, ImageType.FLAT)
    assert [miss.candidate.id for miss in found.nearest] == ["nearer", "near", "far"]
    rules = AssociationRules(max_nearest=1)
    assert len(associate(light(chip), records, ImageType.FLAT, rules).nearest) == 1


def test_none_at_all(chip):
    found = associate(light(chip), [record(chip, 0, ImageType.BIAS)], ImageType.FLAT)
    assert found.choice is None
    assert "there is none at all" in found.reason
    assert "band R" in found.reason


def test_angles_matter_only_with_the_polarizer_in_the_beam(chip):
    flats = [
        record(chip, 0.1, name=f"a{angle}", obsmode=ObsMode.POLARIMETRY, rotangle=angle)
        for angle in (0.0, 22.5, 45.0)
    ]
    through = light(chip, obsmode=ObsMode.POLARIMETRY, rotangle=22.48)
    assert associate(through, flats, ImageType.FLAT).choice.id == "a22.5"
    missing = light(chip, obsmode=ObsMode.POLARIMETRY, rotangle=67.48)
    assert associate(missing, flats, ImageType.FLAT).nearest[0].key == "rotangle"
    plain = record(chip, 0.2, name="plain", rotangle=10.0)
    assert associate(light(chip, rotangle=80.0), [plain], ImageType.FLAT).choice is plain


def test_darks_prefer_the_exposure_time_within_a_night(chip):
    darks = [
        record(chip, 0.01, ImageType.DARK, name="short", exptime=10.0),
        record(chip, 0.3, ImageType.DARK, name="long", exptime=200.0),
        record(chip, -3, ImageType.DARK, name="exact", exptime=300.0),
    ]
    found = associate(light(chip, exptime=300.0), darks, ImageType.DARK)
    assert found.choice.id == "long"


def test_light_is_no_kind_of_calibration(chip):
    with pytest.raises(ValueError, match="LIGHT is no kind of calibration"):
        hard_keys(chip.info(), ImageType.LIGHT)


def test_groups(chip):
    polarimetry = {"obsmode": ObsMode.POLARIMETRY}
    infos = [
        chip.info(ImageType.LIGHT),
        chip.info(ImageType.BIAS, filename="b2", jd_start=JD + 0.1),
        chip.info(ImageType.BIAS, filename="b1", jd_start=JD),
        chip.info(ImageType.BIAS, filename="b3", night="2024-04-09"),
        chip.info(ImageType.BIAS, filename="b4", readmode="slow"),
        chip.info(ImageType.DARK, filename="d1", exptime=60.0),
        chip.info(ImageType.DARK, filename="d2", exptime=120.0),
        chip.info(ImageType.FLAT, filename="f1", exptime=1.0),
        chip.info(ImageType.FLAT, filename="f2", exptime=9.0),
        chip.info(ImageType.FLAT, filename="f3", band="V"),
        chip.info(ImageType.FLAT, filename="p1", rotangle=22.48, **polarimetry),
        chip.info(ImageType.FLAT, filename="p2", rotangle=22.5, **polarimetry),
        chip.info(ImageType.FLAT, filename="p3", rotangle=45.0, **polarimetry),
    ]
    groups = group_calibrations(infos)
    names = [[info.filename for info in group.infos] for group in groups]
    assert sorted(names) == sorted(
        [["b1", "b2"], ["b3"], ["b4"], ["d1"], ["d2"], ["f1", "f2"], ["f3"], ["p1", "p2"], ["p3"]]
    )
    kinds = [str(group.kind) for group in groups]
    assert kinds == sorted(kinds)  # BIAS, DARK, FLAT
    assert [[i.filename for i in g.infos] for g in group_calibrations(infos[::-1])] == names
    assert "band V" in str(next(g for g in groups if g.keys.get("band") == "V"))
    assert group_calibrations([]) == []
