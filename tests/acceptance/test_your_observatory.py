"""The tutorial about a new observatory is run as it is printed, and ends with the truth."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from told_page import Reader, blocks, commands, difference

PAGE = Path(__file__).parents[2] / "docs" / "your-observatory.md"
BLOCKS = blocks(PAGE.read_text())


def follow(reader, chosen):
    """Run blocks of the page; return how many commands were run."""
    count = 0
    for block in chosen:
        for command, expected, status, told in reader.follow(block):
            assert status == expected, f"$ {command.shown}\n{told}"
            wrong = difference(command.expected, told)
            assert not wrong, f"$ {command.shown}\n{wrong}; it prints now:\n{told}"
            count += 1
    return count


@pytest.fixture(scope="module")
def october(tmp_path_factory):
    """Return a reader who has come as far as the polaroids."""
    reader = Reader(tmp_path_factory.mktemp("garden"))
    assert follow(reader, [block for block in BLOCKS if not block.slow]) == 29
    return reader


def results(reader, name, night):
    """Return the rows of a saved table, and the true sky of the night by name."""
    with (reader.directory / name).open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    truth = json.loads((reader.directory / f"night/ST7/{night}.truth.json").read_text())
    return rows, {entry["name"]: entry for entry in truth["sky"]}


def check_pulls(pulls):
    """Check that differences from the truth are as large as their errors say."""
    assert 0.5 < np.sqrt(np.mean(np.square(pulls))) < 1.5
    assert np.abs(pulls).max() < 4.0


def test_a_file_alone_makes_an_observatory(october):
    rows, sky = results(october, "october.csv", "2025-10-18")
    # The errors hold the calibrators' share, which the three frames of a band have in common.
    good = [row for row in rows if row["mag"] != "nan"]
    assert len(rows) == 81
    assert len(good) >= 77
    assert all("BAD_PHOTOMETRY" in row["flags"] for row in rows if row not in good)
    check_pulls(
        [
            (float(row["mag"]) - sky[row["source"]]["mags"][row["band"]]) / float(row["mag_err"])
            for row in good
        ]
    )


@pytest.mark.slow
def test_polaroids_are_calibrated_with_standards(october):
    assert follow(october, [block for block in BLOCKS if block.slow]) == 14
    rows, sky = results(october, "november.csv", "2025-11-09")
    measured = [row for row in rows if row["obsmode"] == "POLARIMETRY"]
    assert len(measured) == 16  # two cycles; one star of October lies beyond the edge
    assert not any("RISKY_MASTER" in row["flags"] for row in measured)
    check_pulls(
        [
            (float(row[x]) - sky[row["source"]][x]) / float(row[f"{x}_err"])
            for row in measured
            for x in ("q", "u")
        ]
    )
    (product,) = (october.directory / "data/calibration/polarization/ST7").glob("*.json")
    fitted = json.loads(product.read_text())["instrumental_polarization"]
    for name, true in {"q0": 0.006, "u0": -0.004, "zero_angle": 8.0, "efficiency": 0.95}.items():
        assert abs(fitted[name] - true) < 3.0 * fitted[f"{name}_err"], name


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("2 nights in 3.1 s", ""),
        ("3 nights in 3.0 s", "'3' in place of '2'"),
        ("2 nights in 3.0 s and more", "7 words in place of 5"),
    ],
)
def test_outputs_are_compared(told, words):
    assert difference("2 nights in 3.0 s", told) == words
    assert (
        difference("mag 13.380 +- 0.005 of 2025-11-09", "mag 13.382 +- 0.005 of 2025-11-09") == ""
    )
    assert difference("mag 13.380", "mag 13.980") == "'13.980' in place of '13.380'"
    assert difference("JD 2460967.26912", "JD 2460967.28912") != ""
    assert difference("of 2025-11-09", "of 2025-11-08") != ""


def test_commands_are_found():
    first, second = commands("$ a \\\n    b\nout\n$ c\n")
    assert (first.script, first.expected) == ("a b", "out\n")
    assert (second.script, second.expected) == ("c", "")
