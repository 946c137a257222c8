import os

import pytest

from polarnight.cubes.running import memory
from polarnight.errors import ConfigError

GB = 10**9


@pytest.fixture(autouse=True)
def _machine(monkeypatch):
    monkeypatch.setattr(memory, "total_memory", lambda: 16 * GB)
    monkeypatch.delenv(memory.VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("400 MB", 400_000_000),
        ("400mb", 400_000_000),
        ("2 GiB", 2 << 30),
        ("1.5 GB", 1_500_000_000),
        ("10 %", 1_600_000_000),
        ("12.5%", 2 * GB),
        (5_000_000, 5_000_000),
        ("5000000", 5_000_000),
    ],
)
def test_texts_of_a_bound(text, expected):
    assert memory.bound_bytes(text) == expected


def test_default_is_a_quarter(monkeypatch):
    assert memory.bound_bytes() == 4 * GB
    monkeypatch.setenv("POLARNIGHT_CUBES__MEMORY_FRACTION", "0.1")
    assert memory.bound_bytes() == 1_600_000_000
    assert memory.bound_bytes("2 GB") == 2 * GB


def test_limit_holds_inside_alone():
    with memory.limit("1 GB") as number:
        assert number == memory.bound_bytes() == GB
        with memory.limit(None):
            assert memory.bound_bytes() == GB
    assert memory.bound_bytes() == 4 * GB


@pytest.mark.parametrize("text", ["much", "-1", "1 TB", "0", "1000", "400 XB", "110 %", "nan", "%"])
def test_nonsense_is_refused(text):
    with pytest.raises(ConfigError, match="memory"):
        memory.bound_bytes(text)


def test_environment_is_named_in_the_error(monkeypatch):
    for text in ("lots", "nan", "2", "0", "-0.1"):
        monkeypatch.setenv("POLARNIGHT_CUBES__MEMORY_FRACTION", text)
        with pytest.raises(ConfigError, match="POLARNIGHT_CUBES__MEMORY_FRACTION = "):
            memory.bound_bytes()


@pytest.mark.parametrize("n_frames", [1, 2, 7, 20, 200, 5000])
@pytest.mark.parametrize("nx", [1, 100, 2048, 9000])
@pytest.mark.parametrize("bound", ["40 MB", "400 MB", "4 GB"])
def test_blocks_stay_below_the_bound(n_frames, nx, bound):
    rows = memory.block_rows(n_frames, nx, 4, memory=bound, threads=2)
    assert rows >= 1
    assert rows & (rows - 1) == 0
    if rows > 1:
        assert 2 * memory.COPIES * rows * n_frames * nx * 4 <= memory.bound_bytes(bound)


def test_no_more_rows_than_there_are():
    assert memory.block_rows(1, 10, 2, ny=100) == 128
    assert memory.block_rows(1, 10, 2, ny=1) == 1
    assert memory.block_rows(20, 2048, 2, ny=2048, threads=2) == 64


def test_blocks_of_deep_and_flat_stacks_nest():
    deep = memory.block_rows(200, 2048, 2, threads=2)
    flat = memory.block_rows(1, 2048, 4, threads=2)
    assert flat % deep == 0


def test_fewer_blocks_at_once_where_they_are_large():
    assert memory.in_flight(10**6, 8, "1 GB") == 8
    assert memory.in_flight(100 * 10**6, 8, "1 GB") == 2
    assert memory.in_flight(GB, 8, "1 GB") == 1


def test_memory_of_this_machine(monkeypatch):
    monkeypatch.undo()
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < memory.total_memory() <= physical
