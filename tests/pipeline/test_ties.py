"""Which wide frames a window is tied to."""

import pytest

from polarnight.db import Epoch, RawFit, ReducedFit
from polarnight.db.sources import SourceName, SourceNames
from polarnight.frames import FrameInfo, ImageType, ObsMode
from polarnight.pipeline.ties import WideShelf, is_window

PLACE = (330.68, 42.278)
NAMES = SourceNames((SourceName("2200+420", ("BL Lac", "BLLac"), *PLACE),))
JD = {"2025-10-17": 2460966.4, "2025-10-18": 2460967.4, "2025-10-19": 2460968.4}


def info_of(hours=0.0, night="2025-10-18", **changes):
    jd = JD[night] + hours / 24.0
    values = {
        "telescope": "OSN-T090", "instrument": "DIPOL", "filename": f"w{hours:g}.fts",
        "night": night, "imgtype": ImageType.LIGHT, "obsmode": ObsMode.PHOTOMETRY, "band": "R",
        "rotangle": None, "exptime": 60.0, "jd_start": jd, "jd_mid": jd, "width": 4144,
        "height": 2822, "binning": (2, 2), "gain": 1.0, "read_noise": 7.3,
        "saturation": 65535.0, "nonlinear": 60000.0, "pixel_scale": 0.134, "has_pairs": True,
        "object_name": "BLLac",
    }  # fmt: skip
    return FrameInfo(**(values | changes))


def window(**changes):
    """The header of a window of polarimetry."""
    small = {"width": 1100, "height": 900, "origin": (1415, 969), "rotangle": 0.0}
    return info_of(**{"obsmode": ObsMode.POLARIMETRY, "filename": "p.fts", **small, **changes})


@pytest.fixture
def solved(db, datadir):
    """Put a solved frame into the database."""

    def make(hours=0.0, night="2025-10-18", *, centre=PLACE, key="", **changes):
        solution = {name: changes.pop(name) for name in ("rotation",) if name in changes}
        info = info_of(hours, night, **changes)
        raw = RawFit.from_info(Epoch.create(f"OSN-T090/{night}"), info)
        raw.save()
        row = ReducedFit.from_rawfit(
            raw,
            content_key=key or f"content of {info.filename}",
            solved=True,
            center_ra=centre[0],
            center_dec=centre[1],
            astrometry_info={
                "rotation_deg": solution.get("rotation", 178.0),
                "mirrored": False,
                "pixel_scale": 0.1342,
            },
        )
        row.save()
        return row

    return make


def names_of(info=None):
    ties = WideShelf(NAMES).ties(info or window())
    return [wide.fileloc.split("/", 1)[1] for wide in ties.wides]


def test_what_is_a_window():
    assert is_window(window())
    assert not is_window(info_of())
    assert not is_window(window(width=4144, height=2822))
    assert not is_window(window(instrument="AndorT90"))


def test_the_nearest_in_time_of_the_same_night(solved):
    for hours in (-5.0, 3.0, -1.0, 2.0):
        solved(hours)
    solved(0.1, "2025-10-17")
    solved(0.2, "2025-10-19")
    assert names_of() == ["2025-10-18/w-1.fts", "2025-10-18/w2.fts", "2025-10-18/w3.fts"]


def test_earlier_nights_then_later_ones(solved):
    solved(0.2, "2025-10-19")
    assert names_of() == ["2025-10-19/w0.2.fts"]
    solved(-3.0, "2025-10-17")
    assert names_of() == ["2025-10-17/w-3.fts"]


def test_frames_like_the_window_come_first(solved):
    solved(0.1, band="V")
    solved(0.2, extra={"flipped": True})
    solved(4.0)
    order = ["2025-10-18/w4.fts", "2025-10-18/w0.1.fts", "2025-10-18/w0.2.fts"]
    assert names_of() == order
    assert names_of(window(extra={"flipped": True}))[0] == "2025-10-18/w0.2.fts"


@pytest.mark.parametrize(
    "changes",
    [
        {"centre": (331.0, 44.0)},
        {"binning": (1, 1)},
        {"width": 1200, "height": 1000},
        {"obsmode": ObsMode.POLARIMETRY},
        {"instrument": "AndorT90"},
    ],
)
def test_frames_that_cannot_serve(solved, changes):
    solved(**changes)
    assert names_of() == []


def test_frames_that_people_or_the_solver_rejected(solved):
    for hours, spoil in (
        (1.0, lambda row: row.flag("IGNORE")),
        (2.0, lambda row: row.rawfit.flag("IGNORE")),
        (3.0, lambda row: ReducedFit.objects.filter(pk=row.pk).update(solved=False)),
        (4.0, lambda row: ReducedFit.objects.filter(pk=row.pk).update(content_key="")),
    ):
        row = solved(hours)
        assert len(names_of()) == 1
        spoil(row)
        assert names_of() == []


def test_objects_that_no_catalogue_knows_go_by_their_name(solved):
    solved(1.0, object_name="my nova", centre=(10.0, 20.0))
    solved(2.0, object_name="Other", centre=(10.0, 20.0))
    assert names_of(window(object_name="MY_NOVA")) == ["2025-10-18/w1.fts"]
    assert names_of(window(object_name="")) == []


def test_without_a_wide_frame_others_tell_the_orientation(solved):
    solved(1.0, centre=(10.0, 20.0), rotation=177.0)
    solved(2.0, centre=(50.0, 20.0), rotation=178.5, extra={"flipped": True})
    solved(3.0, "2025-10-17", centre=(50.0, 20.0), rotation=90.0)
    ties = WideShelf(NAMES).ties(window())
    assert ties.wides == ()
    assert [o.rotation_deg for o in ties.orientations] == [177.0, 178.5]
    assert [o.flipped for o in ties.orientations] == [False, True]


def test_the_key_follows_the_content(solved):
    row = solved(1.0)
    before = WideShelf(NAMES).ties(window()).key_part()
    ReducedFit.objects.filter(pk=row.pk).update(fwhm=3.0)
    assert WideShelf(NAMES).ties(window()).key_part() == before
    ReducedFit.objects.filter(pk=row.pk).update(content_key="solved again")
    assert WideShelf(NAMES).ties(window()).key_part() != before
