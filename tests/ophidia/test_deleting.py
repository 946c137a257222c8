"""Deleting: nothing more than was said, and nothing that something else needs."""

from __future__ import annotations

import numpy as np
import pytest


def _numbers(client):
    from polarnight.db.models import DataCube

    return list(DataCube.objects.order_by("pk").values_list("pk", flat=True))


def _reduced(client):
    merged = client.pid("oph_mergecubes2 cubes=1|2|3;dim=z")
    return client.pid(f"oph_reduce2 cube={merged};operation=median;dim=z")


def test_a_range_deletes_what_it_says(imported):
    imported.ok("oph_delete cube=[3:5]")
    assert _numbers(imported) == [1, 2, 6, 7, 8, 9, 10, 11]
    imported.ok("oph_delete cube=[6:2:10]")
    assert _numbers(imported) == [1, 2, 7, 9, 11]
    imported.ok("oph_delete cube=1|2")
    assert _numbers(imported) == [7, 9, 11]


def test_a_range_never_reaches_into_other_folders(imported):
    imported.ok("oph_folder command=mkdir;path=other")
    imported.ok("oph_folder command=cd;path=other")
    imported.ok("oph_importfits src_path=/fits-raw/LRS.001.fits;container=mine")
    imported.ok("oph_delete cube=[1:99]")
    assert _numbers(imported) == list(range(1, 12))
    assert "matches no cube" in imported.error("oph_delete cube=[1:11]", 8)


@pytest.mark.parametrize(
    "text",
    [
        "[*]",
        "[all]",
        "[]",
        "[5:end]",
        "[!3]",
        "[container=FITS2]",
        "[metadata_key=FLT_ID;metadata_value=OPEN]",
        "[path=/;recursive=yes;1:3]",
        "[level=0]",
        "[1:2]|[*]",
    ],
)
def test_what_does_not_say_exactly_what_goes_needs_force(imported, text):
    told = imported.error(f"oph_delete cube={text}", 8)
    assert "force=yes" in told
    assert "cube" in told
    assert len(_numbers(imported)) == 11
    shown = imported.ok(f"oph_delete cube={text[:-1]};run=no]".replace("[;", "["))
    assert shown.get("massive") is not None
    assert len(_numbers(imported)) == 11
    imported.ok(f"oph_delete cube={text};force=yes")
    assert len(_numbers(imported)) < 11


def test_cubes_of_other_users_cannot_be_deleted(imported):
    from polarnight.ophidia import Server, State

    other = Server(imported.server.settings, "eve")
    assert "no cube" in other.submit("oph_delete cube=1", State()).error
    assert "no cube" in other.submit("oph_delete cube=[1:3];force=yes", State()).error
    assert not other.submit("oph_list", State(session=imported.state.session)).ok
    assert len(_numbers(imported)) == 11


def test_a_lazy_cube_outlives_what_it_was_made_of(imported):
    made = _reduced(imported)
    lazy = imported.pid(f"oph_intercube cube=4;cube2={made};operation=sub")
    deeper = imported.pid(f"oph_apply cube={lazy};query=measure*2")
    expected = imported.values(deeper)
    store = imported.server.store
    keys = {pid: imported.server.catalogue.cubes.get(pid).recipe.key for pid in (made, deeper)}
    assert store.has(keys[made])
    assert not store.has(keys[deeper])
    imported.ok("oph_delete cube=[1:4]")  # the files are there, the cubes need not be
    np.testing.assert_array_equal(imported.values(deeper), expected)
    imported.ok(f"oph_delete cube={made}")  # pixels go, so that what needs them is computed
    assert not store.has(keys[made])
    assert store.has(keys[deeper])
    np.testing.assert_array_equal(imported.values(deeper), expected)
    np.testing.assert_array_equal(imported.values(lazy), expected / 2)


def test_where_a_child_cannot_be_computed_its_parent_stays(imported):
    made = _reduced(imported)
    lazy = imported.pid(f"oph_intercube cube=4;cube2={made};operation=sub")
    (imported.root / "fits-raw/LRS.004.fits").unlink()
    told = imported.error(f"oph_delete cube={made}", 9)
    assert lazy in told
    assert "nothing was deleted" in told
    assert imported.values(made).shape == (6, 8)
    imported.ok(f"oph_delete cube={lazy}")
    imported.ok(f"oph_delete cube={made}")


def test_pixels_that_two_cubes_share_stay_until_the_last_goes(imported):
    first, second = _reduced(imported), _reduced(imported)
    key = imported.server.catalogue.cubes.get(first).recipe.key
    assert imported.server.catalogue.cubes.get(second).recipe.key == key
    imported.ok(f"oph_delete cube={first}")
    assert imported.values(second).shape == (6, 8)
    imported.ok(f"oph_delete cube={second}")
    assert not imported.server.store.has(key)


def test_a_container_with_cubes_needs_force(imported):
    made = _reduced(imported)
    imported.ok(f"oph_intercube cube={made};cube2=1;operation=sub;container=kept")
    kept = imported.state.cube
    expected = imported.values(kept)
    assert "force=yes" in imported.error("oph_deletecontainer container=FITS2")
    imported.ok("oph_deletecontainer container=FITS2;force=yes")
    np.testing.assert_array_equal(imported.values(kept), expected)
    assert "no container" in imported.error("oph_deletecontainer container=FITS2")
    pid = imported.server.catalogue.containers.get(imported.server.resume(imported.state), "kept")
    imported.ok(f"oph_deletecontainer container_pid={imported.server.catalogue.pid(pid)};force=yes")
    assert _numbers(imported) == []


def test_the_last_cube_is_forgotten_when_it_goes(imported):
    made = _reduced(imported)
    assert imported.state.cube == made
    imported.ok("oph_delete cube=1")
    assert imported.state.cube == made
    imported.ok("oph_delete")
    assert imported.state.cube == ""
    assert "'cube' is missing" in imported.error("oph_cubeschema")


def test_numbers_are_never_used_again(imported):
    imported.ok("oph_delete cube=[11:11]")
    assert imported.pid("oph_importfits src_path=/fits-raw/LRS.011.fits").endswith("/12")


def test_what_needs_force_is_refused_at_once_in_the_background_too(imported):
    """As the alias ``drop`` has it."""
    told = imported.error("oph_delete cube=[*];exec_mode=async;", 8)
    assert "11 cubes" in told
    assert "force=yes" in told
    assert len(_numbers(imported)) == 11
    assert "allowed" in imported.error("oph_list exec_mode=async;level=9", 8)
    assert imported.rows("oph_resume")[-1][4] == "OPH_STATUS_ERROR"
