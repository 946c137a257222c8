"""Stores whose description was changed by others: refused in a line."""

import json

import numpy as np
import pytest

from polarnight.cubes import Cube
from polarnight.cubes.store.store import CubeStore
from polarnight.errors import CubeError


@pytest.fixture
def stored(tmp_path):
    """Return a store, the key of its cube and the file that describes it."""
    store = CubeStore(tmp_path)
    cube = Cube.from_array(np.arange(60, dtype="f4").reshape(6, 10)).persist(store)
    return store, cube.key, store.path(cube.key) / "zarr.json"


def refused(store, key):
    assert store.damage(key) is not None
    with pytest.raises(CubeError, match="damaged"):
        store.open(key)
    assert [one.key for one in store.listing()] == [key]
    # And made again it is whole.
    cube = Cube.from_array(np.arange(60, dtype="f4").reshape(6, 10))
    assert store.damage(cube.persist(store).key) is None


@pytest.mark.parametrize(
    ("shape", "chunk"),
    [
        ([6, 10], [0, 10]),
        ([6, 10], [-3, 10]),
        ([6, 10], ["a", 10]),
        ([6, 10], [3.0, 10]),
        ([6, 10], [6]),
        ([6, 10], [10**9, 10**9]),
        ([10**12, 10**12], [6, 10]),
        ([0, 10], [6, 10]),
        ([-6, 10], [6, 10]),
        ([5, 10], [6, 10]),
        ([60], [60]),
    ],
)
def test_sizes_that_make_no_sense(stored, shape, chunk):
    store, key, path = stored
    group = json.loads(path.read_text())
    array = group["consolidated_metadata"]["metadata"]["data"]
    array["shape"] = shape
    array["chunk_grid"]["configuration"]["chunk_shape"] = chunk
    path.write_text(json.dumps(group))
    refused(store, key)


def test_as_many_chunks_as_nobody_writes(stored):
    store, key, path = stored
    group = json.loads(path.read_text())
    group["consolidated_metadata"]["metadata"]["data"]["shape"] = [10**12, 10**12]
    sizes = group["attributes"]["polarnight"]["dims"]
    for dim in sizes:
        dim["size"] = 10**12
    path.write_text(json.dumps(group))
    refused(store, key)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, "\0" * 50, '{"attributes": 5}'])
def test_what_is_no_description(stored, text):
    store, key, path = stored
    path.write_text(text)
    refused(store, key)
