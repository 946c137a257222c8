"""The notebooks run from top to bottom, and what they find agrees with the truth."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

BOOKS = Path(__file__).parents[2] / "notebooks"
SMALL = {
    "calibration": "SIZE, BIAS, FLATS, IMAGES, WHERE = 220, 5, 5, 5, 'calibration-data'",
    "engine": "SIZE, FRAMES, WHERE = 128, 5, 'engine-data'",
}
_EXECUTE = """
import sys, nbclient, nbformat
book = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(book, timeout=600, kernel_name="python3").execute()
nbformat.write(book, sys.argv[1])
"""


def execute(name, directory, parameters=None):
    """Run a notebook in a directory; return it with its outputs."""
    book = nbformat.read(BOOKS / f"{name}.ipynb", as_version=4)
    if parameters is not None:
        [cell] = [c for c in book.cells if "parameters" in c.metadata.get("tags", ())]
        cell.source = parameters
    place = directory / f"{name}.ipynb"
    nbformat.write(book, place)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("POLARNIGHT_DATADIR")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    environment.pop("MPLBACKEND", None)
    environment |= {"IPYTHONDIR": str(directory / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", _EXECUTE, str(place)],
        cwd=directory, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return nbformat.read(place, as_version=4)


def printed(book):
    """Return the lines that all cells print."""
    return [
        line
        for cell in book.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
        for line in output.text.splitlines()
    ]


def pictures(book):
    """Return how many pictures the cells show."""
    outputs = [o for cell in book.cells for o in cell.get("outputs", ())]
    return sum("image/png" in o.get("data", {}) for o in outputs)


def agreement(book):
    """Return (scale, its error, scatter, share far off) by filter, as the notebook prints them."""
    found = {}
    for line in printed(book):
        if ": scale " in line:
            words = line.replace(",", " ").split()
            at = words.index("scatter")
            scale, error, scatter = (float(words[n]) for n in (2, 4, at + 1))
            found[words[0].rstrip(":")] = (
                scale,
                error,
                scatter,
                int(words[at + 2]) / int(words[at + 4]),
            )
    return found


def check_calibration(book):
    agrees = agreement(book)
    assert set(agrees) == {"B", "V", "R"}
    for scale, error, scatter, far_off in agrees.values():
        assert abs(scale - 1.0) < 4.0 * error
        assert abs(scatter - 1.0) < 0.03
        assert far_off < 1e-3
    assert pictures(book) == 4
    assert [line.split("=")[1][0] for line in printed(book) if line.startswith("ncores=")] == [
        "1", "2", "4",
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(BOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    for cell in book.cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert set(SMALL) == {p.stem for p in BOOKS.glob("*.ipynb")}


@pytest.mark.parametrize("path", sorted(BOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_has_one_title_and_sections_below_it(path):
    book = nbformat.read(path, as_version=4)
    heads = [c.source.split(" ")[0] for c in book.cells if c.cell_type == "markdown"]
    assert heads[0] == "#"
    assert set(heads[1:]) == {"##"}


def test_the_corrected_calibration(tmp_path):
    book = execute("calibration", tmp_path, SMALL["calibration"])
    check_calibration(book)
    results = tmp_path / "calibration-data" / "raw" / "results"
    assert sorted(p.name for p in results.iterdir()) == [f"galaxy_{b}.fits" for b in "BRV"]


@pytest.mark.slow
def test_the_corrected_calibration_as_it_is(tmp_path):
    check_calibration(execute("calibration", tmp_path))


def test_the_engine_on_its_own(tmp_path):
    book = execute("engine", tmp_path, SMALL["engine"])
    assert pictures(book) == 1
    assert any(line == "largest difference from numpy: 0.0" for line in printed(book))


@pytest.mark.slow
def test_the_engine_on_its_own_as_it_is(tmp_path):
    assert pictures(execute("engine", tmp_path)) == 1
