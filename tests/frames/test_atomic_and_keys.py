"""Atomic files, content keys and recipe keys."""

import hashlib
import os
import signal
import subprocess
import sys

import pytest

from polarnight.frames import (
    atomic_write,
    content_key,
    recipe_key,
    remove_leftovers,
)


def test_written_under_another_name_first(tmp_path):
    final = tmp_path / "new" / "a.txt"
    with atomic_write(final) as temporary:
        temporary.write_text("done")
        assert not final.exists()
        assert temporary.parent == final.parent
    assert final.read_text() == "done"
    assert list(final.parent.iterdir()) == [final]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failure_leaves_the_old_file(tmp_path, error):
    final = tmp_path / "a.txt"
    final.write_text("old")

    def write_half():
        with atomic_write(final) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert final.read_text() == "old"
    assert list(tmp_path.iterdir()) == [final]


def test_forgetting_to_write_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "a.txt"):
        pass


def test_file_size_limit_stands_for_a_full_disk(tmp_path):
    """The kernel itself refuses the bytes, as on a full disk."""
    code = (
        "import resource, signal, sys\n"
        "from polarnight.frames import atomic_write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    with atomic_write(sys.argv[1]) as temporary:\n"
        "        temporary.write_bytes(bytes(5000))\n"
        "except OSError as error:\n"
        "    sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=False)
    assert done.returncode == 7
    assert list(tmp_path.iterdir()) == []


def test_killed_writer_leaves_nothing_that_counts(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from polarnight.frames import atomic_write\n"
        "with atomic_write(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    final = tmp_path / "a.fits"
    done = subprocess.run([sys.executable, "-c", code, str(final)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not final.exists()
    assert list(tmp_path.glob("*.fits")) == []
    leftovers = list(tmp_path.iterdir())
    assert len(leftovers) == 1
    assert remove_leftovers(tmp_path) == leftovers
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_the_living_and_of_others_stay(tmp_path):
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("busy")
        other = tmp_path / ".b.anotherhost-1-00000000.part"
        other.touch()
        mine = tmp_path / ".hidden.part"
        mine.touch()
        assert remove_leftovers(tmp_path) == []
        assert str(os.getpid()) in temporary.name


def test_content_key(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert content_key(path) == hashlib.sha256(b"abc").hexdigest()


def key(**changes):
    values = {
        "inputs": {"raw": ["b", "a"], "bias": "c"},
        "parameters": {"nsigma": 3.0, "method": "median", "shape": (1, 2)},
        "versions": {"combine": "1"},
    }
    return recipe_key(**(values | changes))


def test_recipe_key_does_not_depend_on_order():
    assert key() == key(inputs={"bias": ["c"], "raw": iter(["a", "b"])})
    assert key() == key(parameters={"shape": [1, 2], "method": "median", "nsigma": 3.0})
    assert len(key()) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"raw": ["a", "b"], "bias": "d"}},
        {"inputs": {"raw": ["a", "b", "b"], "bias": "c"}},
        {"inputs": {"raw": ["a", "b"], "dark": "c"}},
        {"parameters": {"nsigma": 3.1, "method": "median", "shape": (1, 2)}},
        {"versions": {"combine": "2"}},
    ],
)
def test_recipe_key_depends_on_everything(change):
    assert key(**change) != key()


def test_recipe_key_refuses_what_json_cannot_hold():
    with pytest.raises(ValueError, match="not JSON compliant"):
        key(parameters={"nsigma": float("nan")})
    with pytest.raises(TypeError):
        key(parameters={"x": object()})
