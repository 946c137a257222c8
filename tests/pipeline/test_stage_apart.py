"""What a stage of another package does wrong costs its frame and nothing else."""

import collections
import itertools
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.recipes.apart import StageLimits
from polarnight.pipeline.recipes.stage import Recipe, Stage

NIGHT = "OSN-T090/2022-09-18"


def sleep(_):
    time.sleep(600.0)


def never_let_python_run(_):
    collections.deque(itertools.repeat(0), maxlen=0)


def eat(_):
    return [np.ones(2**27) for _ in range(64)]


def leave(_):
    sys.exit(3)


def die(_):
    print("the last words")
    os._exit(7)


def print_much(x):
    print("a line of a stage " * 100_000)
    sys.stderr.write("and another")
    x[0] = 5.0
    return x


def ask(_):
    return input("yes or no?")


@dataclass(frozen=True)
class Odd(Stage):
    """Do something to x."""

    name: ClassVar[str] = "odd"
    reads: ClassVar[tuple[str, ...]] = ("x",)
    writes: ClassVar[tuple[str, ...]] = ("y",)
    does: object = None

    def run(self, product):
        return product.with_values(y=self.does(product["x"]))


def recipe(does, seconds=60.0, memory=0.5):
    return Recipe("light", ("x", "z"), (Odd(does),), StageLimits(seconds, memory))


@pytest.mark.parametrize(
    ("does", "limits", "words"),
    [
        (sleep, (1.0, 0.5), "did not end within 1 s and was stopped (\"" + __file__ + "\", line"),
        (never_let_python_run, (1.0, 0.5), "line"),
        (eat, (60.0, 0.05), "ran out of memory; the setting stages.memory_fraction allows more"),
        (leave, (60.0, 0.5), "called sys.exit(3), which ends programs"),
        (die, (60.0, 0.5), "ended its process with exit code 7: the last words"),
        (ask, (60.0, 0.5), "failed: EOFError"),
        (open, (60.0, 0.5), "failed: TypeError"),
    ],
)  # fmt: skip
def test_it_is_told_with_its_package_and_the_next_frame_goes_well(does, limits, words):
    x = np.zeros(4)
    with pytest.raises(AlgorithmFailed) as caught:
        recipe(does, *limits).run(x=x, z=1)
    package = __name__.partition(".")[0]
    assert str(caught.value).startswith(f"stage odd of the package {package} ")
    assert words in str(caught.value)
    if limits[0] == 1.0:
        assert "allow more with the setting stages.seconds" in str(caught.value)
    assert recipe(np.sum).run(x=x + 1.0, z=1)["y"] == 4.0


def test_it_works_on_a_copy_and_its_prints_go_nowhere(capfd):
    x = np.zeros(4)
    made = recipe(print_much).run(x=x, z="z")
    assert (x == 0.0).all()
    assert made["x"] is x
    assert made["y"][0] == 5.0
    assert capfd.readouterr() == ("", "")


def test_the_limits_change_no_key():
    assert recipe(sleep, 1.0) == recipe(sleep, 2.0)


def test_its_process_ends_with_the_one_that_started_it():
    code = """
import sys, time
from polarnight.pipeline.recipes import apart
print(apart._host()._process.pid, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pid = int(done.stdout)
    for _ in range(100):
        if not _runs(pid):
            break
        time.sleep(0.1)
    assert not _runs(pid)


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


PACKAGE = '''
import time
from dataclasses import dataclass
from typing import ClassVar
from polarnight.pipeline.recipes.stage import Product, Stage, parameter

@dataclass(frozen=True)
class Hang(Stage):
    """Hang on one of the frames."""

    name: ClassVar[str] = "hang"
    recipe: ClassVar[str] = "light"
    after: ClassVar[str] = "calibrate"
    reads: ClassVar[tuple[str, ...]] = ("frame", "path")
    writes: ClassVar[tuple[str, ...]] = ("frame",)
    seconds: float = parameter(600.0, "how long", "s", least=0.0)

    def run(self, product: Product) -> Product:
        if product["path"].name == "BLLac-0001R.fit":
            time.sleep(self.seconds)
        return product
'''


@pytest.fixture
def hanging(install_plugin, tmp_path):
    """Install a package whose stage hangs on one frame."""
    place = tmp_path / "hanging"
    (place / "src" / "hanging").mkdir(parents=True)
    (place / "src" / "hanging" / "__init__.py").write_text(PACKAGE)
    (place / "pyproject.toml").write_text(
        '[project]\nname = "hanging"\nversion = "1"\n'
        '[project.entry-points."polarnight.stages"]\n"hanging.hang" = "hanging:Hang"\n'
    )
    install_plugin(place)


@pytest.mark.usefixtures("hanging")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_night_goes_on_past_a_stage_that_hangs(reduced, workers):
    from polarnight.db import ReducedFit  # not where stages are: workers have no database

    recipes = reduced.root / "recipes.yaml"
    recipes.write_text("light: {stages: [hanging.hang]}\n")
    limit = ("-o", "stages.seconds=2")
    assert reduced.run(*limit, "run", NIGHT, "--only", "reduce", workers=workers) == 1
    rows = {row.filename: row for row in ReducedFit.objects.all()}
    assert len(rows) == 6
    failed = rows.pop("BLLac-0001R.fit")
    assert failed.error.startswith(
        "stage hang of the package hanging did not end within 2 s and was stopped ("
    )
    assert 'hanging/__init__.py", line ' in failed.error
    assert failed.error in " ".join(reduced.out.split())
    assert failed.content_key == ""
    assert all(row.solved and not row.error for row in rows.values())
    assert not list(reduced.root.rglob("*.part*"))
    # Another limit makes nothing stale; what failed is tried again where that is asked for.
    reduced.run("-o", "stages.seconds=500", "run", NIGHT, "--only", "reduce", "--dry-run")
    assert "0 products are not current" in reduced.out
    recipes.write_text("light: {stages: [hanging.hang], hang: {seconds: 0.0}}\n")
    assert reduced.run("run", NIGHT, "--only", "reduce", workers=workers) == 0
    assert all(row.solved for row in ReducedFit.objects.all())
