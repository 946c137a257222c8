"""Files that Polarnight wrote, read again: they are no raw frames."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from polarnight.cubes import Cube, merge
from polarnight.cubes.fits.origin import provenance
from polarnight.frames import Frame, Provenance, StageRecord, write_frame


@pytest.fixture
def master(tmp_path):
    paths = [tmp_path / f"{k}.fits" for k in range(3)]
    for k, path in enumerate(paths):
        fits.PrimaryHDU(np.full((4, 5), k, np.uint16)).writeto(path)
    return merge([Cube.open_fits(path) for path in paths]).reduce("median", "z")


def test_an_exported_cube_keeps_its_level_and_names_its_parent(tmp_path, master):
    assert master.level == 2
    master.to_fits(tmp_path / "master.fits")
    again = Cube.open_fits(tmp_path / "master.fits")
    assert again.level == 2
    assert again.parents == (master.key,)
    assert (again - 1.0).level == 3
    assert [one.role for one in provenance(again - 1.0).inputs] == ["cube"]
    packed = tmp_path / "master.fits.gz"
    packed.write_bytes(gzip.compress((tmp_path / "master.fits").read_bytes()))
    assert Cube.open_fits(packed).parents == (master.key,)


def test_raw_frames_are_raw(master):
    raw = Cube.open_fits(master.inputs[0].inputs[0].source)
    assert (raw.level, raw.parents) == (0, ())
    assert [one.role for one in provenance(raw).inputs] == ["raw"]


@pytest.mark.parametrize("cards", [{"RECIPE": "?"}, {"RECIPE": 5}, {"LEVEL": -1}, {"LEVEL": "x"}])
def test_cards_that_are_not_ours_mean_nothing(tmp_path, master, cards):
    path = tmp_path / "master.fits"
    master.to_fits(path)
    with fits.open(path, mode="update") as hdus:
        hdus["PROVENANCE"].header.update(cards)
    again = Cube.open_fits(path)
    assert (again.level, again.parents) == (0, ())


def test_products_of_the_pipeline_are_of_level_one(tmp_path):
    path = tmp_path / "bias.fits"
    key = "0123456789abcdef" * 4
    frame = Frame(np.ones((4, 5), np.float32))
    write_frame(path, frame, provenance=Provenance((), (StageRecord("combine", "1"),), key))
    again = Cube.open_fits(path)
    assert (again.level, again.parents) == (1, (key,))
