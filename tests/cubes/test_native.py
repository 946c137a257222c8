"""The loader of the kernels and the threads that drive them."""

from __future__ import annotations

import threading

import pytest

from polarnight import _native
from polarnight._native import run_bands


def test_environment_turns_the_library_off(monkeypatch):
    monkeypatch.setenv("POLARNIGHT_NO_NATIVE", "1")
    assert _native.library() is None
    monkeypatch.setenv("POLARNIGHT_NO_NATIVE", "0")
    assert _native.library() is _native.library() is not None


def test_a_library_that_is_absent_or_broken_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(_native, "_LIBRARY", tmp_path / "none.so")
    assert _native._load.__wrapped__() is None
    (tmp_path / "none.so").write_bytes(b"not a library")
    assert _native._load.__wrapped__() is None


def test_threads_follow_the_environment(monkeypatch):
    monkeypatch.setenv("POLARNIGHT_THREADS", "3")
    assert _native.threads() == 3
    for nonsense in ("", "0", "-2", "many"):
        monkeypatch.setenv("POLARNIGHT_THREADS", nonsense)
        assert _native.threads() >= 1


@pytest.mark.parametrize("n_threads", [1, 2, 7])
def test_every_band_is_done_once(n_threads):
    done, makers = [], []

    def make():
        makers.append(threading.get_ident())
        return done.append

    run_bands(100, make, n_threads)
    assert sorted(done) == list(range(100))
    assert len(makers) == n_threads


def test_an_error_in_a_thread_is_raised_here():
    def make():
        def work(band):
            if band == 5:
                msg = "band five"
                raise OSError(msg)

        return work

    with pytest.raises(OSError, match="band five"):
        run_bands(1000, make, 3)


def test_no_bands_at_all():
    run_bands(0, lambda: pytest.fail, 2)
