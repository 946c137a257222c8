"""Cubes of files that were moved or copied, alone or with the whole data directory."""

import os
import shutil

import numpy as np
import pytest

from polarnight.ophidia import Server


@pytest.fixture
def flat(client):
    """A file in the data repository, and a lazy cube made of its view."""
    values = np.arange(48, dtype=np.uint16).reshape(6, 8)
    path = client.write("night/flat.fits", values)
    view = client.pid("oph_importfits src_path=/night/flat.fits;measure=image;imp_dim=NAXIS2")
    made = client.pid(
        f"oph_apply cube={view};query=oph_sum_scalar('oph_float','oph_float',measure,1)"
    )
    return client, path, values, view, made


def moved(client, tmp_path):
    """Move the data directory, and open it again."""
    settings = client.server.settings
    root = tmp_path / "elsewhere"
    settings.data.root.rename(root)
    client.server.close()
    server = Server(settings.model_copy(update={"datadir": root}), "ada")
    return type(client)(server, server.settings.data.raw)


def test_lazy_cubes_move_with_the_data_directory(flat, tmp_path):
    client, path, values, view, made = flat
    there = moved(client, tmp_path)
    assert not path.exists()
    np.testing.assert_array_equal(there.values(view), values)
    np.testing.assert_array_equal(there.values(made), values + 1.0)
    assert there.server.workbench.file_of(
        there.server.catalogue.cubes.get(view)
    ) == there.root.joinpath("night", "flat.fits")
    there.server.close()


def test_another_file_of_that_name_is_not_taken_for_it(flat, tmp_path):
    client, _, values, _, made = flat
    client.write("night/flat.fits", values + np.uint16(1))
    there = moved(client, tmp_path)
    said = there.error(f"oph_explorecube cube={made}")
    assert "flat.fits" in said
    assert "import the file again" in said
    there.server.close()


def test_a_copy_serves_where_the_first_file_is_gone(flat):
    client, path, values, view, made = flat
    copy = client.root / "copies" / "again.fits"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    os.utime(copy, ns=(1, 1))
    other = client.pid("oph_importfits src_path=/copies/again.fits;measure=image;imp_dim=NAXIS2")
    assert client.cube(other).key == client.cube(view).key
    path.unlink()
    for pid in (other, view):
        np.testing.assert_array_equal(client.values(pid), values)
    np.testing.assert_array_equal(client.values(made), values + 1.0)
