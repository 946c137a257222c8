"""A stage of another package: in its place, in worker processes, in keys and provenance."""

import shutil

import numpy as np
import pytest

from polarnight.db import ReducedFit
from polarnight.frames import Bit, Frame, read_frame, read_provenance
from polarnight.pipeline.recipes.stage import Product

NIGHT = "OSN-T090/2022-09-18"


@pytest.fixture
def columns(install_plugin):
    install_plugin("columns")
    import polarnight_columns

    return polarnight_columns.ColumnPattern()


def test_the_pattern_goes_and_the_variance_tells_what_it_cost(columns):
    rng = np.random.default_rng(5)
    ny, nx, sigma = 200, 300, 4.0
    pattern = rng.normal(0.0, 3.0, nx)
    y, x = np.mgrid[:ny, :nx]
    sky = 100.0 + 0.05 * y + 0.02 * x
    stars = 5000.0 * np.exp(-((x - 150.0) ** 2 + (y - 90.0) ** 2) / 18.0)
    data = (sky + stars + pattern + rng.normal(0.0, sigma, (ny, nx))).astype(np.float32)
    bits = np.zeros((ny, nx), np.uint16)
    bits[:, 20], data[:, 20] = Bit.BAD_PIXEL, 60000.0
    frame = Frame(data, np.full((ny, nx), sigma**2, np.float32), bits)
    cleaned = columns.run(Product({"frame": frame}))["frame"]
    good = np.arange(nx) != 20
    assert (cleaned.data[:, 20] == data[:, 20]).all()
    offsets, added = columns.offsets(frame)
    assert np.array_equal(cleaned.variance[0], (sigma**2 + added).astype(np.float32))
    # What is common to many columns is sky; from one to the next the pattern is told.
    good = np.flatnonzero(np.arange(nx) != 20)
    wrong = np.diff((offsets - pattern)[good]) / np.sqrt(2.0)
    added = added[good]
    assert np.std(np.diff(pattern)) / np.std(wrong) > 10.0
    assert np.std(wrong) == pytest.approx(np.sqrt(added.mean()), rel=0.15)
    # The error of the medians of 200 pixels: 1.25 x 4 / sqrt(200) = 0.35, and that of the
    # median of the columns around, which is smaller.
    assert np.sqrt(added.mean()) == pytest.approx(1.2533 * sigma / np.sqrt(ny), rel=0.05)
    pattern_free = columns.with_parameters({"least_pixels": ny + 1})
    assert (pattern_free.run(Product({"frame": frame}))["frame"].data == data).all()


@pytest.mark.usefixtures("columns")
def test_in_a_night(reduced):
    recipes = reduced.root / "recipes.yaml"
    recipes.write_text(
        "AndorT90:\n  stages: [columns.pattern]\n  column_pattern: {smooth_columns: 51}\n"
    )
    assert reduced.pending().count("stage column_pattern is new (recipes.yaml, AndorT90)") == 6
    assert reduced.run("recipe", "show", "light", "--instrument", "AndorT90") == 0
    assert "2. column_pattern  v1  from another package, recipes.yaml, AndorT90" in reduced.out
    assert reduced.run("run", NIGHT, "--only", "reduce", workers=2) == 0
    row = ReducedFit.objects.get(filename="BLLac-0001R.fit")
    frame = read_frame(row.filepath)
    assert [s.name for s in read_provenance(row.filepath).stages][:3] == [
        "calibrate", "column_pattern", "cosmic_rays"
    ]  # fmt: skip
    assert read_provenance(row.filepath).stages[1].version == "1"
    assert '"smooth_columns": 51' in read_provenance(row.filepath).stages[1].parameters
    assert frame.meta["notes"]["column_pattern"]["rms_adu"] > 0
    assert "reduce" not in reduced.pending()
    recipes.write_text("AndorT90:\n  stages: [columns.pattern]\n")
    assert "column_pattern.smooth_columns changed 51 -> 31 (default)" in reduced.pending()
    recipes.unlink()
    assert "stage column_pattern is gone" in reduced.pending()


def test_enabled_and_not_installed(reduced):
    (reduced.root / "recipes.yaml").write_text("light: {stages: [nobody.pattern]}\n")
    assert reduced.run("run", NIGHT) == 2
    assert "no installed package offers it in polarnight.stages (installed: " in reduced.err
    assert "install its package or take it out" in reduced.err


@pytest.mark.usefixtures("columns")
def test_a_command_in_a_process_of_its_own_finds_it(reduced_night, tmp_path):
    (tmp_path / "data").mkdir()
    shutil.copytree(reduced_night.root, tmp_path / "data", dirs_exist_ok=True)
    (tmp_path / "data" / "recipes.yaml").write_text("light: {stages: [columns.pattern]}\n")
    done = reduced_night.in_process("-d", tmp_path / "data", "recipe", "list")
    assert done.returncode == 0, done.stderr
    done = reduced_night.in_process("-d", tmp_path / "data", "recipe", "show", "light")
    assert "column_pattern" in done.stdout
