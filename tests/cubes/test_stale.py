import os
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from polarnight.cubes import Cube, merge, recipes
from polarnight.cubes.store.stale import differences, why_stale


@pytest.fixture
def made(tmp_path):
    """Return a cube made of two files, and the recipes of all that led to it."""
    paths = [tmp_path / f"{k}.fits" for k in range(2)]
    for k, path in enumerate(paths):
        fits.PrimaryHDU(np.full((4, 5), k, np.uint16)).writeto(path)
    views = [Cube.open_fits(path) for path in paths]
    stack = merge(views)
    cube = stack.reduce("median", "z") - 3.0
    chain = [*views, stack, *cube.inputs, cube]
    return cube, {one.key: one.recipe for one in chain}, paths


def test_what_has_not_changed_is_not_stale(made):
    cube, known, _ = made
    assert why_stale(cube.recipe, known.get) == []
    assert differences(cube.recipe, cube.recipe) == []


def test_files_that_changed_are_named(made):
    cube, known, paths = made
    fits.PrimaryHDU(np.zeros((40, 50))).writeto(paths[0], overwrite=True)
    fits.PrimaryHDU(np.full((4, 5), 7, np.uint16)).writeto(paths[1], overwrite=True)
    reasons = why_stale(cube.recipe, known.get)
    assert len(reasons) == 2
    assert reasons[0].startswith(f"{paths[0]} has ")
    assert reasons[1] == f"{paths[1]} was written again since"
    paths[0].unlink()
    assert why_stale(cube.recipe, known.get)[0] == (
        f"{paths[0]} cannot be read: No such file or directory"
    )


def test_a_file_of_the_same_content_is_the_same(made):
    cube, known, paths = made
    os.utime(paths[1], ns=(1, 1))
    assert why_stale(cube.recipe, known.get) == []


def test_inputs_that_nobody_knows_are_left_alone(made):
    cube, _, paths = made
    paths[0].unlink()
    assert why_stale(cube.recipe, lambda key: None) == []


def test_other_versions_are_named(made, monkeypatch):
    cube, known, _ = made
    _, function = recipes._KNOWN["reduce"]
    monkeypatch.setitem(recipes._KNOWN, "reduce", ("99", function))
    assert why_stale(cube.recipe, known.get) == [
        f"reduce is of version 99 now, it was {cube.inputs[0].recipe.version}"
    ]
    lost = replace(cube.recipe, name="of_old")
    assert why_stale(lost, lambda key: None) == ["the operation of_old is no longer there"]


def test_differences_of_recipes(made):
    _, known, _ = made
    old = next(recipe for recipe in known.values() if recipe.name == "reduce")
    assert differences(old, replace(old, name="merge")) == [
        "the operation is merge now, it was reduce"
    ]
    assert differences(old, replace(old, version="0")) == [
        f"reduce is of version 0 now, it was {old.version}"
    ]
    other = replace(old, parameters={**old.parameters, "operation": "mean"})
    assert differences(old, other) == ["operation is mean now, it was median"]
    assert differences(old, replace(old, inputs=("ab",))) == ["1 of 1 inputs are new, 1 are gone"]
    two = replace(old, inputs=("a", "b"))
    assert differences(two, replace(two, inputs=("b", "a"))) == [
        "the inputs are in another order, or in other numbers"
    ]


def test_a_cube_says_why_it_is_stale(made):
    cube, _, paths = made
    assert cube.why_stale() == []
    fits.PrimaryHDU(np.zeros((40, 50))).writeto(paths[0], overwrite=True)
    reasons = cube.why_stale()
    assert [reason.split(" ")[0] for reason in reasons] == [str(paths[0])]


def test_a_cube_of_which_the_catalogue_knows_more(made):
    cube, known, paths = made
    alone = Cube(dims=(), recipe=cube.recipe)
    paths[0].unlink()
    assert alone.why_stale() == []
    assert len(alone.why_stale(known.get)) == 1
