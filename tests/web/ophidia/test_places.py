"""Users of a site are not told where its data lie, and read raw frames that are links."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from polarnight.config import load_settings
from polarnight.ophidia.files.showing import from_data_directory

API = "/api/v1/ophidia/"
NIGHT = "OSN-T090/2022-09-18"


def submit(client, text):
    answer = client.post(API + "submit", {"request": text}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def error_of(answer):
    content = answer["response"]["response"][-1]["objcontent"][0]
    return "" if content["title"] == "SUCCESS" else content["message"]


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("viewer", "oph_fs dpath=/nothing"),
        ("viewer", "oph_fs realpath=yes"),
        ("viewer", "oph_explorefits src_path=/nothing.fits"),
        ("operator", "oph_importfits src_path=/nothing.fits;container=A"),
        ("operator", "oph_importfits src_path=/fits-raw/broken.fits;container=A"),
        ("operator", "oph_importfits src_path=[path=/fits-raw;file=b*|L*];container=A"),
        ("operator", "oph_fs command=mkdir;dpath=/fits-raw/new"),
    ],
)
def test_no_answer_says_where_the_data_directory_is(door, role, text):
    from polarnight.db.models import CubeJob

    (door.root / "raw" / "fits-raw" / "broken.fits").write_bytes(b"SIMPLE")
    client = door.client(role)
    answer = submit(client, text)
    assert "realpath" in text or error_of(answer)
    kept = [job.response for job in CubeJob.objects.all()]
    assert str(door.root) not in json.dumps([answer, kept])


def test_a_missing_file_is_named_from_the_data_directory_on(door):
    got = door.client("viewer").get(API + "files", {"path": "/nothing"})
    assert got.status_code == 404
    assert "in the data repository (raw)" in got.json()["detail"]
    assert "or in export/viewer, where" in got.json()["detail"]
    error = error_of(submit(door.client("viewer"), "oph_fs dpath=/nothing"))
    assert "in the data repository (raw)" in error


def test_only_the_data_directory_is_hidden(tmp_path):
    root, disk = tmp_path / "data", tmp_path / "disk"
    root.mkdir()
    disk.mkdir()
    (root / "raw").symlink_to(disk)
    settings = load_settings(overrides={"datadir": str(root)})
    told = f"{root}/a {root} {root}-2/b {disk}/c /mnt{root}/d"
    expected = f"a the data directory {root}-2/b raw/c /mnt{root}/d"
    assert from_data_directory(told, settings) == expected


@pytest.fixture
def linked(door, tmp_path):
    """A raw frame of the archive that is a link to another place, as ``ingest --link`` makes."""
    from polarnight.db import Epoch, RawFit

    elsewhere = tmp_path / "observatory" / "a.fits"
    elsewhere.parent.mkdir()
    shutil.copy(door.root / "raw" / "fits-raw" / "LRS.001.fits", elsewhere)
    place = door.root / "raw" / NIGHT / "a.fits"
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere)
    telescope, night = NIGHT.split("/")
    epoch = Epoch.objects.create(telescope=telescope, night=night)
    state = elsewhere.stat()
    RawFit.objects.create(
        epoch=epoch, filename="a.fits", size_bytes=state.st_size, mtime_ns=state.st_mtime_ns
    )
    return place


def status_of(door, path):
    answer = door.client("viewer").get(API + "files", {"path": path})
    answer.close()
    return answer.status_code


def test_a_raw_frame_that_was_ingested_as_a_link_is_read(door, linked):
    client = door.client("operator")
    path = f"/{NIGHT}/a.fits"
    assert status_of(door, path) == 200
    for text in (
        f"oph_importfits src_path={path};container=A;measure=image;",
        "oph_reduce2 operation=max;dim=NAXIS1;",
        f"oph_importfits src_path=[path=/{NIGHT};file=*.fits];container=A;measure=image;",
        f"oph_explorefits src_path={path}",
    ):
        assert error_of(submit(client, text)) == "", text


def test_it_stays_what_it_is(door, linked):
    client, path = door.client("operator"), f"/{NIGHT}/a.fits"
    target = Path(os.path.realpath(linked))
    before = target.read_bytes()
    for text in (
        f"oph_fs command=rm;dpath={path}",
        f"oph_fs command=mv;dpath={path}|b.fits",
        f"oph_fs command=mkdir;dpath={path}",
    ):
        assert error_of(submit(client, text)), text
    assert linked.is_symlink()
    assert target.read_bytes() == before


def test_other_links_are_refused(door, linked, tmp_path):
    secret = tmp_path / "secret.fits"
    shutil.copy(linked, secret)
    (linked.parent / "b.fits").symlink_to(secret)  # of which the archive does not know
    (door.root / "raw" / "a.fits").symlink_to(secret)
    assert status_of(door, f"/{NIGHT}/b.fits") == 403
    assert status_of(door, "/a.fits") == 403
    linked.unlink()
    linked.symlink_to(secret)  # another file than that which was read
    os.utime(secret, ns=(0, 0))
    assert status_of(door, f"/{NIGHT}/a.fits") == 403


def test_a_night_that_is_a_link_gives_no_frames(door, linked):
    moved = linked.parent.rename(door.root.parent / "night")
    linked.parent.symlink_to(moved)
    assert status_of(door, f"/{NIGHT}/a.fits") == 403
