"""Raw files with names and places that were chosen to harm."""

import os
import shutil

import pytest

from polarnight.errors import BadFrame
from polarnight.pipeline.files import check_name, place_file, printable

NIGHT = "OSN-T090/2022-09-18"


@pytest.mark.parametrize("name", ["new\nline.fits", "\x1b[31m.fits", "tab\t.fits", "\udcff.fits"])
def test_names_that_are_no_text(tmp_path, name):
    with pytest.raises(BadFrame, match="no text"):
        check_name(tmp_path / name)
    assert printable(name).isprintable()
    assert printable(name).encode()


@pytest.mark.parametrize("name", ["[red]x[/red].fits", "co:lon.fits", "ünï ☃.fits", "=cmd.fits"])
def test_odd_names_that_are_text(tmp_path, name):
    check_name(tmp_path / name)
    assert printable(name) == name


def test_a_name_for_which_nothing_could_be_made(tmp_path):
    with pytest.raises(BadFrame, match="longer than 200 bytes"):
        check_name(tmp_path / ("é" * 99 + ".fits"))


def test_a_place_that_cannot_be_written_is_a_refusal(tmp_path):
    source = tmp_path / "a.fits"
    source.write_bytes(b"x")
    (tmp_path / "raw").write_text("no directory")
    with pytest.raises(BadFrame, match=r"a\.fits: cannot be put into .*raw/night: Not a dir"):
        place_file(source, tmp_path / "raw" / "night" / "a.fits", "copy")


def test_hostile_names_are_refused_shown_and_asked_for(archive, night, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    bias = next(night.directory.glob("Bias*"))
    for name in ("[red]b.fit", "[\\[c.fit", os.fsdecode(b"\xff.fit"), "new\nline.fit"):
        shutil.copyfile(bias, given / name)
    assert archive.run("ingest", given) == 1
    assert "2 files registered, 2 of them new, 2 refused" in archive.out
    assert "new\\nline.fit: the name of the file holds characters that are no text" in archive.out
    assert archive.run("status", NIGHT) == 0
    assert "[red]b.fit" in archive.out
    assert "[\\[c.fit" in archive.out
    assert archive.run("why", f"{NIGHT}/[red]b.fit") == 0
    # Put there by hand, they are told of too, and the second run knows them.
    raw = archive.raw("*b.fit").parent
    for name in (os.fsdecode(b"\xff.fit"), "new\nline.fit"):
        shutil.copyfile(bias, raw / name)
    for _ in range(2):
        assert archive.run("run", NIGHT, "--only", "masters") == 1
        assert "\\udcff.fit: the name of the file holds" in archive.out
        assert "no longer in" not in archive.out
