"""Previews and finding charts: what they show, and when they are drawn again."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from polarnight.db import AstroSource
from polarnight.web.viewer.finding import RADIUS, finding_chart, newest_frame
from polarnight.web.viewer.preview import COLOURS, STRETCHES, Look, preview, render
from polarnight.web.viewer.problems import BadRequest

from .conftest import write_raw


def pixels_of(content):
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture)


def test_a_preview_shows_the_frame_from_the_bottom():
    plane = np.zeros((40, 60), np.float32)
    plane[0, 0], plane[39, 59] = 100.0, 50.0
    seen = pixels_of(render(plane, Look(low=0.0, high=100.0)))
    assert seen.shape == (40, 60)
    assert seen[39, 0] == 255
    assert seen[0, 59] == round(255 / 2)
    assert seen.astype(int).sum() == 255 + round(255 / 2)


@pytest.mark.parametrize("stretch", STRETCHES)
def test_stretches_rise_from_black_to_white(stretch):
    plane = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 64)
    seen = pixels_of(render(plane, Look(stretch=stretch, low=0.0, high=1.0)))[0].astype(int)
    assert (seen[0], seen[-1]) == (0, 255)
    assert (np.diff(seen) >= 0).all()
    middle = {"linear": 127, "sqrt": 180, "log": 229, "asinh": 196}[stretch]
    assert seen[32] == pytest.approx(middle, abs=3)


@pytest.mark.parametrize("colours", COLOURS)
def test_what_is_no_number_is_transparent(colours):
    plane = np.array([[0.0, np.nan], [1.0, 0.5]], np.float32)
    seen = pixels_of(render(plane, Look(colours=colours, low=0.0, high=1.0)))
    assert seen.shape[-1] in (2, 4)
    assert seen[1, 1, -1] == 0
    assert (seen[..., -1] == 255).sum() == 3


def test_large_frames_are_averaged():
    plane = np.arange(128 * 256, dtype=np.float32).reshape(128, 256)
    seen = pixels_of(render(plane, Look(side=64, low=0.0, high=128.0 * 256)))
    assert seen.shape == (32, 64)


@pytest.mark.parametrize(
    "bad",
    [
        {"stretch": "x"},
        {"colours": "../x"},
        {"side": 10**9},
        {"side": 0},
        {"low": float("nan")},
        {"low": 2.0, "high": 1.0},
    ],
)
def test_odd_looks_are_refused(bad):
    with pytest.raises(BadRequest):
        Look(**bad)


def test_a_preview_is_kept_and_made_again_when_the_file_changes(night):
    content, tag = preview(night.raw)
    kept = night.data.rawfit_dir("OSN-T090", "2022-09-18", night.raw.filename) / "preview.png"
    assert kept.read_bytes() == content
    stamp = kept.stat().st_mtime_ns
    assert preview(night.raw) == (content, tag)
    assert kept.stat().st_mtime_ns == stamp
    write_raw(night.raw.filepath, night.pixels[::-1].copy())
    os.utime(night.raw.filepath, (1, 1))
    changed, new_tag = preview(night.raw)
    assert new_tag != tag
    assert changed != content
    assert kept.read_bytes() == changed
    assert [path.name for path in kept.parent.iterdir()] == ["preview.png"]


@pytest.mark.parametrize("damage", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 20])
def test_a_damaged_preview_is_made_again(night, damage):
    content, _ = preview(night.reduced)
    kept = night.reduced.filepath.parent / "preview.png"
    kept.write_bytes(damage)
    assert preview(night.reduced)[0] == content
    assert kept.read_bytes() == content


def test_another_look_is_not_kept(night):
    _, tag = preview(night.raw, Look(stretch="log"))
    assert tag != preview(night.raw)[1]
    kept = night.data.rawfit_dir("OSN-T090", "2022-09-18", night.raw.filename)
    assert len(list(kept.iterdir())) == 1


def test_a_preview_that_cannot_be_kept_is_still_drawn(night):
    place = night.data.rawfit_dir("OSN-T090", "2022-09-18", night.raw.filename)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where the directory should be")
    content, _ = preview(night.raw)
    assert content.startswith(b"\x89PNG")


def test_a_finding_chart_shows_the_source_in_the_middle(night):
    content, _ = finding_chart(night.source)
    path = night.source.astrosourcedir / "finding_chart.png"
    assert path.read_bytes() == content
    seen = pixels_of(content)[..., :3].astype(int)
    red = (seen[..., 0] > 180) & (seen[..., 1] < 90) & (seen[..., 2] < 90)
    y, x = np.nonzero(red)
    assert len(x) > 20
    # Dark pixels of the star fill the ring around the place of the source.
    centre = seen[int(y.mean()) - 3 : int(y.mean()) + 4, int(x.mean()) - 3 : int(x.mean()) + 4]
    assert centre.mean() < 100


def test_a_finding_chart_is_drawn_again_when_something_changed(night):
    first, tag = finding_chart(night.source)
    assert finding_chart(night.source) == (first, tag)
    star = AstroSource.objects.create(name="star", ra_hms="22:02:45", dec_dms="+42:17:00")
    star.calibrates.add(night.source)
    second, other = finding_chart(night.source)
    assert other != tag
    assert second != first


def test_names_are_no_formulas(night):
    night.source.name = r"$\frac{$ <b> $x_$"
    night.source.save()
    star = AstroSource.objects.create(name="$^$", ra_hms="22:02:45", dec_dms="+42:17:00")
    star.calibrates.add(night.source)
    assert finding_chart(night.source)[0].startswith(b"\x89PNG")


def test_without_a_readable_frame_the_field_is_empty(night):
    night.reduced.filepath.write_bytes(b"damaged")
    assert newest_frame(night.source) is None
    assert finding_chart(night.source)[0].startswith(b"\x89PNG")


def test_north_is_up_and_east_is_left(night):
    from polarnight.web.viewer.finding import _offset, _resample

    from .conftest import make_wcs

    plane = np.zeros((520, 601), np.float32)
    wcs = make_wcs()
    spot = (night.source.ra + 0.02, night.source.dec + 0.01)
    x, y = (round(float(v)) for v in wcs.all_world2pix([spot], 0)[0])
    plane[y - 2 : y + 3, x - 2 : x + 3] = 100.0
    seen = np.nan_to_num(_resample(plane, wcs, night.source))
    row, column = (values.mean() for values in np.nonzero(seen > 50))
    side = seen.shape[0]
    east, north = _offset(night.source, *spot)
    assert -((column + 0.5) / side * 2 - 1) * RADIUS == pytest.approx(east, abs=0.03)
    assert ((row + 0.5) / side * 2 - 1) * RADIUS == pytest.approx(north, abs=0.03)


def test_a_header_may_hold_anything(night):
    header = fits.getheader(night.raw.filepath)
    assert "onerror" in header["OBJECT"]
    from polarnight.web.viewer.opening import locate
    from polarnight.web.viewer.planes import load

    card = next(card for card in load(locate(night.raw)).cards if card.key == "OBJECT")
    assert card.value == header["OBJECT"]
