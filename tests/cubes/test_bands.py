import numpy as np
import pytest
from dask.local import get_sync

from polarnight.cubes.running.graphs import FileTarget, output_blocks, write_graph
from polarnight.cubes.running.light import da


class Here:
    """Other processes that are this one."""

    can_write = True

    def sent(self, data):
        return (np.copy, data)


def run(arrays, folder):
    targets = [FileTarget(str(folder / str(k)), a.shape, a.dtype) for k, a in enumerate(arrays)]
    found = [target.prepare() for target in targets]
    blocks = output_blocks(arrays, targets)
    graph, keys = write_graph(arrays, blocks, Here())
    get_sync(graph, [key for some in keys for key in some])
    return graph, keys, found


@pytest.fixture
def array():
    return da.from_array(np.random.default_rng(1).random((40, 6)), chunks=(4, 6))


def test_what_one_band_needs_is_one_task(array, tmp_path):
    arrays = [array * 2, (array + 1) / array, array.astype("f4")]
    graph, keys, found = run(arrays, tmp_path)
    assert len(graph) == 10
    assert keys[0] == keys[1] == keys[2]
    for one, wanted in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(one, wanted.compute())


def test_what_bands_share_is_done_once(array, tmp_path):
    calls = []

    def count(block):
        calls.append(1)
        return block + 1

    common = array.map_blocks(count, dtype="f8", meta=np.empty((0, 0)))
    arrays = [common - common.mean(axis=0), common.sum(), common[::-1], array[:, :3]]
    _, _, found = run(arrays, tmp_path)
    assert len(calls) == 10
    for one, wanted in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(one, wanted.compute(scheduler="sync"))


def test_results_that_look_like_tasks_are_handed_over(tmp_path):
    def pair(block):
        return (len, block)

    made = da.ones((4, 3), chunks=(2, 3)).map_blocks(lambda b: b, dtype="f8", meta=np.empty((0, 0)))
    pairs = made.rechunk((4, 3)).map_blocks(pair, dtype="f8", meta=np.empty((0, 0)))
    second = pairs.map_blocks(lambda p: p[1] * 3, dtype="f8", meta=np.empty((0, 0)))
    arrays = [second.rechunk((2, 3)), second.rechunk((1, 3))]
    _, _, found = run(arrays, tmp_path)
    for one in found:
        np.testing.assert_array_equal(one, np.full((4, 3), 3.0))
