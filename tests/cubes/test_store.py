import json
import multiprocessing
import os
import re
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from polarnight.cubes.cube import Cube
from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.metadata import Card
from polarnight.cubes.running.light import da
from polarnight.cubes.running.runner import Runner
from polarnight.cubes.store.store import CubeStore
from polarnight.cubes.store.zarrays import ZarrArray
from polarnight.errors import BadFrame, Cancelled, CubeError
from polarnight.frames import atomic

TYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
TYPES += ["float32", "float64"]

CARDS = [
    Card("OBJECT", "NGC 5364", "target"),
    Card("EXPTIME", 12.5, "seconds"),
    Card("NUMBER", 3),
    Card("WIDE", 1 << 40),
    Card("FLAG", True),
    Card("NOTHING"),
    Card("PHASE", 1 + 2j),
    Card("TEMP", float("nan")),
    Card("HISTORY", "of old"),
    Card("HISTORY", "of new"),
    Card("units", "adu", variable="image"),
]


@pytest.fixture
def store(tmp_path):
    return CubeStore(tmp_path / "cubes")


def make(shape=(3, 20, 7), chunks=(3, 6, 7), dtype="float32", seed=0, **others):
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=shape) * 100).astype(dtype)
    others.setdefault("unit", "adu")
    return values, Cube.from_array(da.from_array(values, chunks=chunks), **others)


def slow_block(part):
    time.sleep(0.05)
    return part + 1


def test_everything_comes_back(store):
    rng = np.random.default_rng(5)
    shape = (3, 20, 7)
    values = rng.normal(size=shape).astype("f4")
    values[0, 0, 0] = np.nan
    cube = Cube.from_array(
        da.from_array(values, chunks=(3, 6, 7)),
        [Dimension("z", 3, "double", (1.5, 2.5, 4.0)), "NAXIS2", Dimension("x", 7, "short")],
        variance=rng.random(shape).astype("f8"),
        bits=rng.integers(0, 9, shape).astype("u2"),
        unit="electron / s",
        measure="sky",
        metadata=CARDS,
        source="/data/a.fits",
        level=3,
        parents=("ab" * 32,),
    )
    kept = cube.persist(store)
    again = CubeStore(store.root).open(cube.key)
    for one in (kept, again):
        assert one.key == cube.key
        assert one.recipe == cube.recipe
        assert one.dims == cube.dims
        assert (one.measure, one.unit, one.source, one.level, one.parents, one.axes) == (
            *("sky", "electron / s", "/data/a.fits", 3, ("ab" * 32,)),
            cube.axes,
        )
        assert repr(list(one.metadata)) == repr(list(cube.metadata))
        assert one.is_stored
        assert not cube.is_stored
        assert Path(one.stored) == store.path(cube.key)
        for name in ("data", "variance", "bits"):
            got, wanted = (getattr(c, name).compute() for c in (one, cube))
            assert got.dtype == wanted.dtype
            assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("shape", "chunks"),
    [((), ()), ((5,), (2,)), ((4, 6), (4, 6)), ((5, 7), (2, 3)), ((2, 9, 4), (2, 4, 4))],
)
def test_all_types_and_shapes_read_by_zarr_too(store, dtype, shape, chunks):
    zarr = pytest.importorskip("zarr")
    values, cube = make(shape, chunks, dtype)
    np.testing.assert_array_equal(cube.persist(store).numpy(), values)
    array = zarr.open_group(store.path(cube.key), mode="r")["data"]
    assert array.dtype == values.dtype
    np.testing.assert_array_equal(array[...], values)
    assert store.damage(cube.key, thorough=True) is None


def test_xarray_reads_it(store):
    xarray = pytest.importorskip("xarray")
    values = np.arange(12.0).reshape(3, 4)
    dims = [Dimension("z", 3, "double", (1.5, 2.5, 4.0)), "NAXIS1"]
    cube = Cube.from_array(values, dims, bits=np.ones((3, 4), "u2"), unit="adu")
    cube.persist(store)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = xarray.open_zarr(store.path(cube.key))
    np.testing.assert_array_equal(found["data"].values, values)
    assert found["data"].attrs["units"] == "adu"
    assert found["bits"].dtype == np.uint16
    np.testing.assert_array_equal(found["z"].values, [1.5, 2.5, 4.0])


@pytest.mark.parametrize("name", ["../up", "data", "a/b", ".", "zarr.json", "c", "é"])
def test_names_of_dimensions_are_no_paths(store, name):
    values = np.arange(6.0).reshape(2, 3)
    cube = Cube.from_array(values, [Dimension(name, 2, "int", (4, 5)), "NAXIS1"])
    kept = cube.persist(store)
    assert kept.dims[0].values == (4, 5)
    np.testing.assert_array_equal(kept.numpy(), values)
    assert [path.name for path in store.root.iterdir()] == [f"{cube.key}.zarr"]
    assert [path.name for path in store.root.parent.iterdir()] == ["cubes"]


def test_irregular_chunks(store):
    values, cube = make((10, 4), ((3, 1, 6), (4,)))
    kept = cube.persist(store)
    np.testing.assert_array_equal(kept.numpy(), values)
    np.testing.assert_array_equal(kept.subset(NAXIS2=slice(2, 9, 3)).numpy(), values[2:9:3])


def test_small_chunks_are_read_together(store):
    values, cube = make((64, 30), (2, 30))
    kept = cube.persist(store)
    assert kept.data.numblocks == (1, 1)
    np.testing.assert_array_equal(kept.numpy(), values)


def test_empty_cubes(store):
    values, cube = make((0, 4), (1, 4))
    assert cube.persist(store).numpy().shape == values.shape


def test_nothing_is_computed_twice(store):
    calls = []

    def block(part):
        calls.append(1)
        return part

    _, cube = make()
    lazy = Cube.from_array(cube.data.map_blocks(block, dtype="f4", meta=np.empty((0, 0, 0), "f4")))
    lazy.persist(store)
    assert len(calls) == 4
    lazy.persist(store)
    assert len(calls) == 4


def test_opening_reads_no_pixels(store, monkeypatch):
    values, cube = make()
    cube.persist(store)
    read = []
    whole = ZarrArray.read
    monkeypatch.setattr(
        ZarrArray, "read", lambda self, number: read.append(1) or whole(self, number)
    )
    kept = store.open(cube.key)
    assert not read
    np.testing.assert_array_equal(kept.data[:, :2].compute(), values[:, :2])
    assert len(read) == 4  # small chunks, read together


def test_delete_list_and_size(store):
    assert store.keys() == []
    assert store.listing() == []
    cubes = [make(seed=k)[1] for k in range(3)]
    for cube in cubes:
        cube.persist(store)
    assert sorted(store.keys()) == sorted(cube.key for cube in cubes)
    assert [found.key for found in store.listing()] == [cube.key for cube in cubes]
    size = store.size(cubes[0].key)
    assert size == store.listing()[0].size > 3 * 20 * 7 * 4
    assert cubes[0].key in store
    assert store.delete(cubes[0].key)
    assert not store.delete(cubes[0].key)
    assert cubes[0].key not in store
    assert store.size(cubes[0].key) == 0
    assert len(list(store.root.iterdir())) == 2
    with pytest.raises(CubeError, match="is not in"):
        store.open(cubes[0].key)


def test_a_cube_deleted_while_open_says_so(store):
    _, cube = make()
    kept = cube.persist(store)
    store.delete(cube.key)
    with pytest.raises(CubeError, match="was the cube deleted"):
        kept.numpy()


@pytest.mark.parametrize("key", ["", "../../etc", "x" * 64, "AB" * 32, "ab" * 32 + "/..", "."])
def test_keys_are_no_paths(store, key):
    for use in (store.path, store.has, store.open, store.delete, store.size, store.damage):
        with pytest.raises(CubeError, match="no key"):
            use(key)


def one_chunk(store, cube, name="data"):
    return sorted(p for p in (store.path(cube.key) / name / "c").rglob("*") if p.is_file())[1]


def truncate(store, cube):
    path = one_chunk(store, cube)
    path.write_bytes(path.read_bytes()[:-1])


def remove(store, cube):
    one_chunk(store, cube).unlink()


def unreadable(store, cube):
    (store.path(cube.key) / "zarr.json").write_text("{")


def other_key(store, cube):
    path = store.path(cube.key) / "zarr.json"
    path.write_text(path.read_text().replace(cube.key, "00" * 32))


def other_format(store, cube):
    path = store.path(cube.key) / "zarr.json"
    group = json.loads(path.read_text())
    group["consolidated_metadata"]["metadata"]["data"]["codecs"] = [{"name": "zstd"}]
    path.write_text(json.dumps(group))


def no_planes(store, cube):
    path = store.path(cube.key) / "zarr.json"
    group = json.loads(path.read_text())
    group["consolidated_metadata"]["metadata"] = {}
    path.write_text(json.dumps(group))


def half_written(store, cube):
    (store.path(cube.key) / "zarr.json").unlink()


@pytest.mark.parametrize(
    "spoil", [truncate, remove, unreadable, other_key, other_format, no_planes, half_written]
)
def test_damage_is_seen_said_and_mended(store, spoil):
    values, cube = make()
    cube.persist(store)
    spoil(store, cube)
    assert store.damage(cube.key)
    with pytest.raises(CubeError, match=re.escape(str(store.root))):
        store.open(cube.key)
    np.testing.assert_array_equal(cube.persist(store).numpy(), values)
    assert store.damage(cube.key, thorough=True) is None
    assert len(list(store.root.iterdir())) == 1


def test_a_flipped_bit_is_seen_when_it_is_read(store):
    _, cube = make()
    kept = cube.persist(store)
    path = one_chunk(store, cube)
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    assert store.damage(cube.key) is None
    assert "is damaged" in store.damage(cube.key, thorough=True)
    with pytest.raises(CubeError, match=re.escape(f"{path}: is damaged")):
        kept.numpy()


def test_a_newer_format_is_refused(store):
    _, cube = make()
    cube.persist(store)
    path = store.path(cube.key) / "zarr.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(CubeError, match="is of format 9, this version knows 1"):
        store.open(cube.key)


def no_file(_):
    Path("/nowhere").read_bytes()


def failing(_):
    raise BadFrame("a.fits", "is gone")


def test_a_failure_leaves_nothing(store, monkeypatch):
    _, cube = make()
    broken = Cube.from_array(cube.data.map_blocks(failing, dtype="f4", meta=np.empty((0, 0, 0))))
    with pytest.raises(BadFrame):
        broken.persist(store)
    assert list(store.root.iterdir()) == []
    other = Cube.from_array(cube.data.map_blocks(no_file, dtype="f4", meta=np.empty((0, 0, 0))))
    with pytest.raises(FileNotFoundError, match="/nowhere"):
        other.persist(store)
    event = threading.Event()
    event.set()
    with pytest.raises(Cancelled):
        cube.persist(store, Runner(cancelled=event))
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize("moment", ["chunk", "flush", "rename"])
def test_a_full_disk_leaves_nothing(store, monkeypatch, moment):
    def full(*_):
        raise OSError(28, "No space left on device")

    if moment == "chunk":
        monkeypatch.setattr("polarnight.cubes.store.zarrays._write_all", full)
    elif moment == "flush":
        monkeypatch.setattr("polarnight.cubes.store.files.flush_to_disk", full)
    else:
        monkeypatch.setattr(Path, "rename", full)
    _, cube = make()
    with pytest.raises(CubeError, match="No space left"):
        cube.persist(store)
    assert list(store.root.iterdir()) == []
    assert not store.has(cube.key)


def test_what_dead_writers_left_is_removed(store):
    values, cube = make()
    store.root.mkdir(parents=True)
    name = atomic.temporary_name(store.path(cube.key)).name
    gone = multiprocessing.get_context("spawn").Process(target=int)
    gone.start()
    gone.join()
    dead = store.root / name.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    alive = store.root / name
    for folder in (dead, alive):
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "0").write_bytes(b"x")
    assert store.keys() == []
    np.testing.assert_array_equal(cube.persist(store).numpy(), values)
    assert not dead.exists()
    assert alive.exists(), "that of a living process stays"


def test_writers_of_one_key_do_no_harm(store):
    values, cube = make((40, 7), (4, 7))
    lazy = cube.data.map_blocks(slow_block, dtype="f4", meta=np.empty((0, 0), "f4"))
    slow = Cube.from_array(lazy)
    results, errors = [], []

    def write():
        try:
            results.append(slow.persist(store, Runner("sync")).numpy())
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for result in results:
        np.testing.assert_array_equal(result, values + 1)
    assert [path.name for path in store.root.iterdir()] == [f"{slow.key}.zarr"]


@pytest.mark.cluster
def test_processes_write_their_chunks_themselves(store):
    _, cube = make((40, 7), (4, 7))
    lazy = cube.data.map_blocks(
        lambda part: part * 0 + os.getpid(), dtype="f8", meta=np.empty((0, 0), "f8")
    )
    both = Cube.from_array(lazy.astype("f8"), variance=da.ones((40, 7), chunks=(4, 7)))
    with Runner("local", workers=2) as runner:
        kept = both.persist(store, runner)
        np.testing.assert_array_equal(kept.numpy(runner), kept.numpy())
    assert os.getpid() not in kept.numpy()
    assert store.damage(both.key, thorough=True) is None
