"""Keys of views: of what files hold, not of where they lie."""

import os
import shutil

import numpy as np
import pytest
from astropy.io import fits

from polarnight.cubes import Cube, recipes
from polarnight.cubes.fits.content import content_of, find_file, searching
from polarnight.errors import BadFrame

SMALL, LARGE = (20, 30), (700, 800)


def frame(path, shape, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 60000, shape, np.uint16)
    fits.PrimaryHDU(values).writeto(path)
    return path


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_copies_with_their_times_have_one_key(tmp_path, shape):
    one = frame(tmp_path / "one.fits", shape)
    copy = shutil.copy2(one, tmp_path / "copy.fits")
    assert Cube.open_fits(one).key == Cube.open_fits(copy).key
    assert (Cube.open_fits(one) - 1.0).key == (Cube.open_fits(copy) - 1.0).key
    other = frame(tmp_path / "other.fits", shape, seed=1)
    assert Cube.open_fits(other).key != Cube.open_fits(one).key
    assert Cube.open_fits(one, measure="x").key != Cube.open_fits(one).key


@pytest.mark.parametrize(("shape", "same"), [(SMALL, True), (LARGE, False)])
def test_times_count_where_not_all_is_read(tmp_path, shape, same):
    one = frame(tmp_path / "one.fits", shape)
    before = Cube.open_fits(one).key
    os.utime(one, ns=(1, 1))
    assert (Cube.open_fits(one).key == before) is same


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_one_changed_pixel_is_noticed(tmp_path, shape):
    one = frame(tmp_path / "one.fits", shape)
    view = Cube.open_fits(one)
    with one.open("r+b") as file:
        file.seek(2880 + shape[0] * shape[1])
        file.write(b"\x12\x34")
    assert Cube.open_fits(one).key != view.key
    with pytest.raises(BadFrame, match="has changed since the cube was made"):
        recipes.rebuild(view.recipe)


def test_tampering_with_the_times_put_back_is_noticed_in_samples(tmp_path):
    one = frame(tmp_path / "one.fits", LARGE)
    before, state = Cube.open_fits(one).key, one.stat()
    content = bytearray(one.read_bytes())
    content[2880:] = bytes(len(content) - 2880)
    one.write_bytes(content)
    os.utime(one, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert Cube.open_fits(one).key != before


def test_files_are_found_below_the_root_they_moved_to(tmp_path):
    one = frame(tmp_path / "old" / "raw" / "night" / "one.fits", SMALL)
    view = Cube.open_fits(one)
    # One of the same name that is another, on the way.
    frame(tmp_path / "new" / "night" / "one.fits", SMALL, seed=2)
    (tmp_path / "new").joinpath("raw").mkdir()
    (tmp_path / "old" / "raw" / "night").rename(tmp_path / "new" / "raw" / "night")
    with pytest.raises(BadFrame, match=r"one\.fits: cannot be read: .*import the file again"):
        recipes.rebuild(view.recipe)
    with searching(tmp_path / "new"):
        again = recipes.rebuild(view.recipe)
    assert again.key == view.key
    assert again.source == str(tmp_path / "new" / "raw" / "night" / "one.fits")
    found = find_file(again.source, content_of(again.source)[0])
    assert found == again.source


def test_nothing_outside_of_the_root_is_looked_at(tmp_path):
    one = frame(tmp_path / "old" / "one.fits", SMALL)
    recipe = Cube.open_fits(one).recipe
    path = str(tmp_path / "gone" / ".." / "old" / ".." / "x" / "one.fits")
    moved = recipes.Recipe("open_fits", "2", {**recipe.parameters, "path": path})
    (tmp_path / "root").mkdir()
    frame(tmp_path / "x" / "one.fits", SMALL)
    (tmp_path / "x" / "one.fits").rename(tmp_path / "one.fits")
    one.unlink()
    with searching(tmp_path / "root"), pytest.raises(BadFrame, match="cannot be read"):
        recipes.rebuild(moved)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(BadFrame, match=r"none\.fits: cannot be read: No such file"):
        content_of(tmp_path / "none.fits")


def test_a_pipe_in_place_of_a_file_keeps_nobody_waiting(tmp_path):
    one = frame(tmp_path / "one.fits", SMALL)
    view = Cube.open_fits(one)
    one.unlink()
    os.mkfifo(one)
    with pytest.raises(BadFrame, match="is no regular file"):
        recipes.rebuild(view.recipe)
    with pytest.raises(BadFrame, match="has changed since the cube was made"):
        view.numpy()
