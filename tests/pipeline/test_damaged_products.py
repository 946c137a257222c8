"""A product that somebody changed, or that the disk spoilt, is made again."""

import os
import shutil

import pytest

NIGHT = "OSN-T090/2022-09-18"


def first(archive, part):
    return min(path for path in (archive.root / part).rglob("*.fit*") if path.is_file())


@pytest.mark.parametrize("part", ["masterbias", "masterflat", "calibration"])
@pytest.mark.parametrize("how", ["garbage", "truncated", "one bit", "unreadable"])
def test_it_is_noticed_and_made_again(reduced, part, how):
    path = first(reduced, part)
    good = path.read_bytes()
    bad = {"garbage": b"garbage", "truncated": good[:-2880]}.get(how, bytearray(good))
    if how == "one bit":
        bad[len(bad) // 3] ^= 1
    path.unlink()
    if how == "unreadable":
        path.mkdir()
    else:
        path.write_bytes(bad)
    pending = reduced.pending()
    assert ("cannot be read" if how == "unreadable" else "is damaged, or was changed") in pending
    if how == "unreadable":
        path.rmdir()  # nothing of ours removes a directory that it did not make
    assert reduced.run("run", NIGHT) == 0
    assert path.read_bytes() == good
    assert "0 products are not current" in reduced.pending()


def test_a_copy_of_the_data_directory_is_current(reduced):
    for part in ("masterbias", "masterflat", "calibration"):
        for path in (reduced.root / part).rglob("*.fit*"):
            if path.is_file():
                shutil.copyfile(path, path.with_suffix(".copy"))
                path.with_suffix(".copy").replace(path)
                os.utime(path, (1, 1))
    assert "0 products are not current" in reduced.pending()
