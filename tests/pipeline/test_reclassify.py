"""After an edit of a declaration, frames that were registered before are read anew."""

import re

import numpy as np
import pytest
from astropy.io import fits

from polarnight.db import Epoch, MasterBias, RawFit
from polarnight.instruments.observatories import OBSERVATORIES

NIGHT = "SHED/2025-03-01"
SHED = """
telescope: {name: SHED, longitude: 10, latitude: 50}
name: SHED-CCD
recognise: {INSTRUME: shed}
size: [40, 30]
pixel_scale: 1.0
gain: 1.2
read_noise: 5
filters: {Green: V, Red: R}
"""


@pytest.fixture
def shed(archive, tmp_path):
    """Three biases and a light frame, registered; with a function that edits the declaration."""
    place = archive.root / "instruments" / "shed.yaml"
    place.parent.mkdir()
    place.write_text(SHED)
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    rng = np.random.default_rng(5)
    for number, kind in enumerate(["Bias", "Bias", "Bias", "Light"], 1):
        header = fits.Header(
            {
                "INSTRUME": "shed", "IMAGETYP": kind, "EXPTIME": 0.0 if kind == "Bias" else 30.0,
                "DATE-OBS": f"2025-03-01T22:{number:02d}:00", "FILTER": "Green", "OBJECT": "sky",
            }
        )  # fmt: skip
        pixels = rng.normal(500, 5, (30, 40)).astype(np.uint16)
        fits.writeto(fetched / f"{kind}-{number}.fits", pixels, header)
    assert archive.run("ingest", fetched) == 0

    def edit(old, new):
        text = place.read_text()
        assert old in text
        place.write_text(text.replace(old, new))

    yield edit
    OBSERVATORIES.adopt(None)


def light():
    return RawFit.objects.get(filename="Light-4.fits")


def masters(archive):
    return archive.run("run", NIGHT, "--only", "masters")


def test_an_edit_is_noticed_and_flags_stay(archive, shed):
    assert masters(archive) == 0
    before = MasterBias.objects.get()
    light().flag("IGNORE", why="tree before the telescope")
    key = light().content_key
    shed("gain: 1.2", "gain: 2.4")
    shed("Green: V", "Green: g_sdss")
    assert "declared otherwise than when" in explained(archive)
    assert masters(archive) == 0
    row = light()
    assert (row.band, row.info["gain"], row.content_key) == ("g_sdss", 2.4, key)
    assert "IGNORE" in row.flag_labels
    # What was made of the frames follows, as their gain is part of it.
    after = MasterBias.objects.get()
    assert after.pk == before.pk
    assert after.recipe_key != before.recipe_key
    assert "declared otherwise than when" not in explained(archive)


def explained(archive):
    archive.run("why", f"{NIGHT}/Light-4.fits")
    return archive.out


def test_what_changes_no_frame_reads_none(archive, shed, monkeypatch):
    assert masters(archive) == 0
    rows = list(RawFit.objects.values())
    shed("SHED-CCD", "SHED-CCD   # the old one")
    OBSERVATORIES.plugins("polarnight.instruments")
    assert masters(archive) == 0
    assert list(RawFit.objects.values()) == rows  # not even the date of the row


def test_all_headers_are_read_on_request(archive, shed):
    RawFit.objects.update(band="Z")
    assert masters(archive) == 0
    assert light().band == "Z"
    assert archive.run("run", NIGHT, "--only", "masters", "--reclassify") == 0
    assert light().band == "V"


def test_a_mistake_costs_nothing_that_is_not_given_back(archive, shed):
    assert masters(archive) == 0
    light().flag("IGNORE", why="tree before the telescope")
    shed("Green: V, ", "")
    assert masters(archive) == 1
    assert "FILTER = 'Green' is no filter of SHED-CCD" in light().error
    shed("{Red: R", "{Green: V, Red: R")
    assert masters(archive) == 0
    row = light()
    assert (row.error, row.band) == ("", "V")
    assert {"IGNORE", "CLASSIFIED"} <= set(row.flag_labels)
    assert "ERROR" not in row.flag_labels


def test_a_file_that_is_wrong_leaves_what_was_read(archive, shed):
    assert masters(archive) == 0
    rows = list(RawFit.objects.values())
    shed("gain: 1.2", "gian: 1.2")
    with pytest.warns(UserWarning, match="left out: .*gian"):
        archive.run("run", NIGHT, "--only", "masters", "--reclassify")
    shed("gian: 1.2", "gain: 1.2")
    assert masters(archive) == 0
    assert list(RawFit.objects.values()) == rows


def test_frames_that_belong_to_another_night_by_the_new_site_say_so(archive, shed):
    # There it is the morning that ends the night before.
    shed("longitude: 10", "longitude: -170")
    assert masters(archive) == 1
    assert "the header says SHED/2025-02-28, but the file is in the directory" in light().error
    shed("longitude: -170", "longitude: 10")
    assert masters(archive) == 0
    assert light().error == ""


def test_a_night_that_gets_new_files_still_notices(archive, shed, tmp_path):
    shed("gain: 1.2", "gain: 2.4")
    header = fits.getheader(archive.raw("Light-4.fits"))
    header["DATE-OBS"] = "2025-03-01T23:00:00"
    fits.writeto(tmp_path / "Light-5.fits", np.full((30, 40), 500, np.uint16), header)
    assert archive.run("ingest", tmp_path / "Light-5.fits") == 0
    assert light().info["gain"] == 1.2
    assert masters(archive) == 0
    assert {row.info["gain"] for row in RawFit.objects.all()} == {2.4}


def test_nights_of_earlier_versions_are_read_once(archive, shed):
    Epoch.objects.update(report={})
    RawFit.objects.update(band="Z")
    assert masters(archive) == 0
    assert light().band == "V"
    RawFit.objects.update(band="Z")
    assert masters(archive) == 0
    assert light().band == "Z"


@pytest.mark.parametrize("telescope", ["{name: BARN, longitude: 10, latitude: 50}", "SHED"])
def test_an_instrument_that_is_not_known_at_present_stops_no_other(
    archive, shed, telescope, tmp_path
):
    barn = SHED.replace("{name: SHED, longitude: 10, latitude: 50}", telescope)
    barn = barn.replace("SHED-CCD", "BARN-CCD").replace("INSTRUME: shed", "INSTRUME: barn")
    (archive.root / "instruments" / "barn.yaml").write_text(barn)
    for name in ("Bias-1", "Bias-2", "Bias-3", "Light-4"):
        path = archive.raw(f"{name}.fits")
        header = fits.getheader(path)
        header["INSTRUME"] = "barn"
        # Another night's worth of noise: equal pixels would be copies.
        fits.writeto(tmp_path / f"barn-{name}.fits", fits.getdata(path) + np.uint16(1), header)
    assert archive.run("ingest", *tmp_path.glob("barn-*.fits")) == 0
    archive.run("run", "--all-local")
    before = archive.made()
    path = archive.root / "instruments" / "barn.yaml"
    path.write_text(barn.replace("gain", "gian"))
    with pytest.warns(UserWarning, match="left out: .*gian"):
        assert archive.run("run", "--all-local", "--force") == 1
    told = " ".join(archive.out.split())
    assert "left out: 4 frames of BARN-CCD, which is not known at present" in told
    assert "gian: no such key; did you mean gain?" in told
    # The master of the other is made anew, and nothing of this one is touched.
    assert re.search(r"masters +1 +0 +0", told)
    after = archive.made()
    assert not [name for name in before.changed(after) if "BARN-CCD" in name or "barn" in name]
    path.write_text(barn)
    archive.run("run", "--all-local")
    assert "not known at present" not in archive.out
    assert archive.made() == after
