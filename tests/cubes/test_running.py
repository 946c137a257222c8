import threading

import numpy as np
import pytest

from polarnight.cubes.running.graphs import ArrayTarget, FileTarget, largest_block
from polarnight.cubes.running.light import da
from polarnight.cubes.running.runner import Runner
from polarnight.errors import BadFrame, Cancelled, ConfigError, CubeError

# So that dask does not try the function.
PLAIN = {"dtype": "f4", "meta": np.empty((0, 0), "f4")}


def lazy(shape=(40, 30), chunks=(7, 30), seed=1):
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return values, da.from_array(values, chunks=chunks)


class Watch:
    """Counts how many run at once; waits until as many as wanted were, once."""

    def __init__(self, wanted=1):
        self.lock = threading.Lock()
        self.now = self.most = self.calls = 0
        self.wanted = wanted
        self.met = threading.Event()
        self.pause = threading.Event()

    def __call__(self, block):
        with self.lock:
            self.now += 1
            self.calls += 1
            self.most = max(self.most, self.now)
            if self.now >= self.wanted:
                self.met.set()
        self.met.wait(10)
        self.pause.wait(0.005)
        with self.lock:
            self.now -= 1
        return block + 1


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_results_are_those_of_numpy(scheduler):
    values, array = lazy()
    first, second, mean = Runner(scheduler, workers=2).arrays(
        [array * 2, (array - array.mean())[:, ::-1], array.mean()]
    )
    np.testing.assert_array_equal(first, values * 2)
    np.testing.assert_allclose(second, (values - values.mean())[:, ::-1], atol=1e-6)
    assert mean.shape == ()
    np.testing.assert_allclose(mean, values.mean(), atol=1e-6)


def test_threads_give_the_bits_of_no_threads():
    _, array = lazy((200, 50), (9, 50))
    work = (array - array.mean(axis=0)) / array.std()
    (one,) = Runner("sync").arrays([work])
    for workers in (1, 2, 5):
        (other,) = Runner(workers=workers).arrays([work])
        assert other.tobytes() == one.tobytes()


@pytest.mark.parametrize(("workers", "threads"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_workers_times_threads_bound_the_work(workers, threads):
    watch = Watch(workers * threads)
    _, array = lazy((64, 4), (2, 4))
    Runner(workers=workers, threads=threads).arrays([array.map_blocks(watch, **PLAIN)])
    assert watch.calls == 32
    assert watch.most == workers * threads


def test_memory_bounds_the_work_too():
    watch = Watch()
    array = da.zeros((64, 4000), chunks=(2, 4000), dtype="f8")
    assert largest_block([array + 1]) == 2 * 4000 * 8
    Runner(workers=8, memory=1 << 20).arrays([array.map_blocks(watch, **PLAIN)[:, :2]])
    assert watch.most <= (1 << 20) // (4 * 2 * 4000 * 8)


def test_shared_parts_are_computed_once():
    watch = Watch()
    values, array = lazy((16, 4), (2, 4))
    common = array.map_blocks(watch, **PLAIN)
    first, second, again = Runner(workers=2).arrays([common + 1, common * 2, common + 1])
    assert watch.calls == 8
    np.testing.assert_array_equal(first, (values + 1) + 1)
    np.testing.assert_array_equal(second, (values + 1) * 2)
    np.testing.assert_array_equal(again, first)


def test_a_result_larger_than_the_bound_is_refused():
    array = da.zeros((1 << 20,), chunks=1 << 10)
    with pytest.raises(ConfigError, match=r"8 MB, memory is bounded to 1 MB; persist"):
        Runner(memory="1.1 MB").arrays([array])


def test_every_target_gets_its_blocks():
    class Target:
        anywhere = True

        def __init__(self):
            self.found = {}

        def write(self, region, block):
            self.found[region[0].start] = block

    values, array = lazy((10, 3), (4, 3))
    blocks, total = Target(), ArrayTarget((), "f4")
    Runner().fill([array, array.sum()], [blocks, total])
    assert sorted(blocks.found) == [0, 4, 8]
    for start, block in blocks.found.items():
        np.testing.assert_array_equal(block, values[start : start + 4])
    assert total.array == array.sum().compute()


@pytest.mark.parametrize("dtype", ["bool", "u2", "f4", "f8"])
@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((), ()),
        ((5,), (2,)),
        ((5, 7), (2, 7)),
        ((5, 7), (5, 3)),
        ((2, 9, 4), (2, 4, 4)),
        ((0, 3), (1, 3)),
    ],
)
def test_arrays_in_shared_files(tmp_path, shape, chunks, dtype):
    values = (np.random.default_rng(2).random(shape) * 100).astype(dtype)
    array = da.from_array(values, chunks=chunks)
    target = FileTarget(str(tmp_path / "x"), shape, values.dtype)
    found = target.prepare()
    Runner().fill([array[..., ::-1][..., ::-1] if shape else array], [target])
    (tmp_path / "x").unlink()
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


def test_errors_of_blocks_arrive_as_they_are():
    def fail(block):
        raise BadFrame("night.fits", "ended early")

    _, array = lazy()
    for scheduler in ("sync", "threads"):
        with pytest.raises(BadFrame, match=r"night\.fits: ended early"):
            Runner(scheduler).arrays([array.map_blocks(fail, **PLAIN)])


def test_nothing_is_written_after_an_error():
    begun, release = threading.Event(), threading.Event()

    def block(values, block_info=None):
        if block_info[0]["chunk-location"] == (0, 0):
            begun.wait(5)
            release.set()
            raise BadFrame("x", "y")
        begun.set()
        release.wait(5)
        return values

    _, array = lazy((4, 4), (2, 4))
    work = array.map_blocks(block, **PLAIN)
    with pytest.raises(BadFrame):
        Runner(workers=2).arrays([work])
    assert not [t for t in threading.enumerate() if t.name.startswith("polarnight-cubes")]


def test_progress_counts_to_the_end():
    seen = []
    _, array = lazy()
    Runner(progress=lambda done, total: seen.append((done, total))).arrays([array + 1])
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][0] == seen[-1][1]


def test_work_can_be_cancelled():
    event = threading.Event()
    watch = Watch()

    def progress(done, total):
        if done == 3:
            event.set()

    _, array = lazy((400, 4), (2, 4))
    runner = Runner(workers=2, cancelled=event, progress=progress)
    with pytest.raises(Cancelled, match="cancelled after 3 of"):
        runner.arrays([array.map_blocks(watch, **PLAIN)])
    assert watch.calls < 20
    with pytest.raises(Cancelled, match="before"):
        runner.arrays([array])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheduler": "thread"}, "scheduler = 'thread': use threads, local, sync or tcp"),
        ({"workers": 0}, "at least one"),
        ({"threads": 0}, "at least one"),
        ({"memory": "all"}, "memory = 'all'"),
    ],
)
def test_nonsense_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Runner(**arguments)


def test_an_array_of_unknown_shape_is_refused():
    _, array = lazy()
    with pytest.raises(CubeError, match="not known"):
        Runner().arrays([array[array > 0]])


def test_empty_arrays():
    (empty,) = Runner().arrays([da.zeros((0, 5), chunks=(1, 5))])
    assert empty.shape == (0, 5)
