"""Ingest registers what it understands, refuses the rest with a reason, overwrites nothing."""

import os
import shutil

import pytest

from polarnight.config import load_settings
from polarnight.db import Epoch, RawFit
from polarnight.pipeline import examining
from polarnight.pipeline.executor import WorkPool

PLACE = "raw/OSN-T090/2022-09-18"


@pytest.fixture
def frames(night, tmp_path):
    """Two raw files outside the archive."""
    place = tmp_path / "fetched" / "deep"
    place.mkdir(parents=True)
    for name in ("Bias-0001.fit", "BLLac-0001R.fit"):
        shutil.copy2(night.directory / name, place)
    return place


def test_a_directory_is_searched_and_files_are_copied(archive, frames):
    (frames / "notes.txt").write_text("clouds after two\n")
    (frames / ".hidden.fit").write_bytes(b"")
    assert archive.run("ingest", frames.parent) == 0
    assert "2 files registered, 2 of them new, 0 refused" in archive.out
    placed = archive.root / PLACE
    assert sorted(path.name for path in placed.iterdir()) == ["BLLac-0001R.fit", "Bias-0001.fit"]
    for path in placed.iterdir():
        assert not path.is_symlink()
        assert path.read_bytes() == (frames / path.name).read_bytes()
        assert path.stat().st_mtime_ns == (frames / path.name).stat().st_mtime_ns
    assert {row.imgtype for row in RawFit.objects.all()} == {"BIAS", "LIGHT"}
    assert Epoch.objects.get().epochname == "OSN-T090/2022-09-18"


def test_linked_files_stay_where_they_are(archive, frames):
    assert archive.run("ingest", "--link", frames / "Bias-0001.fit") == 0
    link = archive.root / PLACE / "Bias-0001.fit"
    assert link.resolve() == frames / "Bias-0001.fit"
    moved = frames.rename(frames.with_name("moved"))
    # A link whose file was moved points to nothing and is renewed.
    assert archive.run("ingest", "--link", moved) == 0
    assert link.resolve() == moved / "Bias-0001.fit"


def test_what_is_there_already_is_passed_over(archive, frames):
    archive.run("ingest", frames)
    before = list(RawFit.objects.values())
    assert archive.run("ingest", frames) == 0
    assert "2 files registered, none of them new, 0 refused" in archive.out
    assert archive.run("ingest", archive.root / PLACE) == 0
    assert [{**row, "modified": None} for row in RawFit.objects.values()] == [
        {**row, "modified": None} for row in before
    ]


def test_ingest_of_reduced_frames_makes_nothing_stale(reduced, night):
    before = list(RawFit.objects.values_list("filename", "flags", "content_key"))
    assert reduced.run("ingest", night.directory) == 0
    assert list(RawFit.objects.values_list("filename", "flags", "content_key")) == before
    assert "0 products are not current" in reduced.pending()


def test_another_file_of_the_same_name_is_refused(archive, frames, tmp_path):
    archive.run("ingest", frames)
    other = tmp_path / "BLLac-0001R.fit"
    other.write_bytes((frames / "BLLac-0001R.fit").read_bytes()[:-2880] + b"\1" * 2880)
    before = archive.checksums("raw")
    assert archive.run("ingest", other) == 2
    assert "never overwritten" in archive.out
    assert archive.checksums("raw") == before
    key = RawFit.objects.get(filename="BLLac-0001R.fit").content_key
    assert key == before[f"{PLACE}/BLLac-0001R.fit"]


def test_one_name_in_two_directories(archive, frames, tmp_path):
    for name, spoil in (("same", b""), ("other", b"\1")):
        (tmp_path / name).mkdir()
        raw = (frames / "Bias-0001.fit").read_bytes()
        (tmp_path / name / "Bias-0001.fit").write_bytes(raw[: len(raw) - len(spoil)] + spoil)
    assert archive.run("ingest", frames, tmp_path / "same") == 0
    assert "2 files registered, 2 of them new" in archive.out
    assert RawFit.objects.filter(filename="Bias-0001.fit").count() == 1
    assert archive.run("ingest", frames, tmp_path / "other") == 1
    assert "1 refused" in archive.out


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("truncated", "truncated"),
        ("zero_byte", "empty"),
        ("wrong_bitpix", "BITPIX"),
        ("wrong_telescope", "TELESCOP"),
        ("unknown_filter", "FILTER"),
        ("missing_date", "DATE-OBS"),
    ],
)
def test_bad_files_are_refused_with_the_reason(archive, frames, fault, words):
    from polarnight.simulation.faults import apply_fault

    apply_fault(frames / "BLLac-0001R.fit", fault)
    assert archive.run("ingest", frames) == 1
    assert "1 file registered, 1 of them new, 1 refused" in archive.out
    line = next(line for line in archive.out.splitlines() if "BLLac-0001R.fit: " in line)
    assert words in line
    assert line.count("BLLac-0001R.fit") == 1
    assert [path.name for path in (archive.root / PLACE).iterdir()] == ["Bias-0001.fit"]


def test_files_that_are_no_frames(archive, tmp_path):
    (tmp_path / "notes.txt").write_text("clouds after two\n")
    assert archive.run("ingest", tmp_path / "notes.txt") == 2
    assert "0 files registered, none of them new, 1 refused" in archive.out
    assert archive.run("ingest", tmp_path / "absent.fit") == 2
    assert "absent.fit: no such file or directory" in archive.err
    assert archive.run("ingest", tmp_path) == 2


def test_a_copy_under_another_name_is_no_second_exposure(reduced):
    before = reduced.made()
    for name in ("BLLac-0001R.fit", "BLLac-0001R45.fit", "Flat-0001R45.fit", "Bias-0001.fit"):
        shutil.copy2(reduced.raw(name), reduced.raw(name).with_name(f"a copy of {name}"))
    assert reduced.run("run", "T090/220918") == 0
    assert reduced.out.count("left out: a copy of") == 4
    assert before.changed(reduced.made()) == {}
    place = "OSN-T090/2022-09-18/a copy of BLLac-0001R45.fit"
    assert reduced.run("why", place) == 0
    assert "left out   a copy of BLLac-0001R45.fit" in reduced.out
    # Without the first the other takes its place.
    reduced.raw("BLLac-0001R45.fit").unlink()
    assert reduced.run("run", "T090/220918") == 1
    assert "no longer in" in reduced.out


def test_installed_packages_are_not_searched_for_every_frame(night, monkeypatch):
    """Where an instrument comes from is said of faults; to find it takes milliseconds."""
    monkeypatch.setattr("polarnight.instruments.place_of", None)
    assert examining.examine(night.directory / "Bias-0001.fit").info.instrument == "AndorT90"


@pytest.mark.parametrize(
    ("count", "size", "processes"), [(60, 300_000, 1), (2, 400_000_000, 8), (700, 10_000, 8)]
)
def test_processes_are_started_for_much_work_only(tmp_path, monkeypatch, count, size, processes):
    started = []

    class Pool(WorkPool):
        def __init__(self, scheduler, processes):
            super().__init__("serial")
            started.append(processes)

    monkeypatch.setattr(examining, "WorkPool", Pool)
    files = [tmp_path / f"{number}.fits" for number in range(count)]
    for path in files:
        path.touch()
        os.truncate(path, size)  # takes no space
    monkeypatch.setattr(examining, "examine", lambda path: path)
    settings = load_settings(overrides={"datadir": tmp_path, "workers": 8})
    done = list(examining.examine_all(files, settings, quiet=True))
    assert [outcome.result for outcome in done] == files
    assert started == [processes]
