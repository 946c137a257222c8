"""Results in every format parse back to what the database holds, number for number."""

import io
import json

import numpy as np
import pytest
from astropy.table import Table

from polarnight.db import PhotoPolResult

ASKED_FOR = [
    "source", "telescope", "instrument", "obsmode", "band", "jd_mid", "bjd_tdb", "exptime",
    "mag", "mag_err", "q", "q_err", "u", "u_err", "p_naive", "p", "p_err", "p_limit95",
    "chi", "chi_err", "flags", "n_frames", "files",
]  # fmt: skip
NUMBERS = [
    "bjd_tdb", "exptime", "mag", "mag_err", "q", "q_err", "u", "u_err", "p_naive", "p",
    "p_err", "p_limit95", "chi", "chi_err",
]  # fmt: skip


def read(form, text, path):
    if form == "json":
        whole = json.loads(text)
        rows = [
            {name: np.nan if value is None else value for name, value in row.items()}
            for row in whole["rows"]
        ]
        return Table(rows=rows)
    if form == "parquet":
        import pyarrow.parquet as pq

        return Table(pq.read_table(path).to_pydict())
    # Text stays text: a column that is empty everywhere would be read as numbers.
    formats = {"csv": "ascii.csv", "ecsv": "ascii.ecsv", "votable": "votable"}
    source = io.BytesIO(text.encode()) if form == "votable" else text
    options = {} if form == "votable" else {"fill_values": []}
    return Table.read(source, format=formats[form], **options)


@pytest.mark.parametrize("form", ["csv", "ecsv", "json", "votable", "parquet"])
def test_every_format_parses_back(reduced, tmp_path, form):
    path = tmp_path / f"results.{form}"
    assert reduced.run("results", "--format", form, "--output", path) == 0
    assert reduced.out == f"27 results in {path}\n"
    if form != "parquet":
        assert reduced.run("results", "--format", form) == 0
        assert reduced.out == path.read_text()
    table = read(form, reduced.out, path)
    assert set(ASKED_FOR) <= set(table.colnames)
    rows = list(PhotoPolResult.objects.select_related("astrosource", "epoch"))
    assert len(table) == len(rows) == 27
    for line, row in zip(table, rows, strict=True):
        assert str(line["source"]) == row.astrosource.name
        assert str(line["telescope"]) == "OSN-T090"
        assert str(line["obsmode"]) == row.obsmode
        assert float(line["jd_mid"]) == row.juliandate
        assert int(line["n_frames"]) == row.n_frames
        assert str(line["files"]).split(";") == row.files
        for name in NUMBERS:
            stored = getattr(row, name)
            found = float(np.ma.filled(line[name], np.nan))
            assert found == stored if stored is not None else np.isnan(found), name


def test_units_are_told(reduced, tmp_path):
    reduced.run("results", "--format", "ecsv")
    table = Table.read(reduced.out, format="ascii.ecsv")
    assert [str(table[name].unit) for name in ("mag", "chi", "bjd_tdb")] == ["mag", "deg", "d"]
    assert "fraction" in table["p"].description


def test_selection(reduced):
    def count(*options):
        status = reduced.run("results", "--format", "csv", *options)
        return len(reduced.out.splitlines()) - 1 if status == 0 else status

    assert count("--source", "2200+420") == 3
    assert count("--source", "BLLac") == 3  # another name of it
    assert count("--band", "R") == 27
    assert count("--night", "2022-09-18", "--source", "2200+420 A") == 3
    assert count("--band", "B") == 2
    assert "no result fits" in reduced.err
    assert count("--night", "2022-09-19") == 2
    assert count("--source", "3C 273") == 2
    assert "3C 273" in reduced.err
    assert count("--night", "yesterday") == 2
    assert count("--source", "BLLac", "--instrument", "AndorT90") == 3
    assert count("--instrument", "CAFOS2.2") == 2
    assert count("--source", "BLLac", "--from", "2022-09-18", "--to", "2022-09-18") == 3
    assert count("--from", "2022-09-19") == 2
    assert count("--to", "2022-09-17") == 2
    assert count("--from", "2022-09-18", "--to", "2022-09-17") == 2
    assert "exchange --from and --to" in reduced.err


def test_wrong_use(reduced):
    assert reduced.run("results", "--format", "xlsx") == 2
    assert "xlsx" in reduced.err
    assert reduced.run("results", "--format", "parquet") == 2
    assert "name a file" in reduced.err


def test_the_table_for_the_eye(reduced):
    assert reduced.run("results", "--source", "2200+420") == 0
    header, _, _, *lines, note = reduced.out.splitlines()
    assert header.split()[:2] == ["source", "night"]
    assert len(lines) == 3
    assert all(line.startswith("2200+420") for line in lines)
    assert note.startswith("- no p or chi")
    assert "nan" not in reduced.out


def test_polarization_of_a_night(reduced):
    assert reduced.run("results", "--combine", "night", "--format", "json") == 0
    lines = json.loads(reduced.out)["rows"]
    cycles = PhotoPolResult.objects.filter(reduction="relpol", q__isnull=False)
    assert {line["source"] for line in lines} == {row.astrosource.name for row in cycles}
    assert sum(line["n"] + line["left_out"] for line in lines) == cycles.count()
    for line in lines:
        assert line["q_err_random"] < line["q_err"]
        assert line["night"] == "2022-09-18"
    assert reduced.run("results", "--combine", "night") == 0
    assert "p_err" in reduced.out
    assert reduced.run("results", "--combine", "month") == 2
    assert "'night'" in reduced.err


def test_an_ending_of_no_format_is_refused_before_anything_is_written(reduced, tmp_path):
    assert reduced.run("results", "--output", tmp_path / "x.fits") == 2
    assert "choose a file that ends in .txt, .csv, .ecsv" in reduced.err
    assert not (tmp_path / "x.fits").exists()
    assert reduced.run("results", "--output", tmp_path / "x.fits", "--format", "csv") == 0
    assert reduced.run("results", "--output", tmp_path / "x.txt") == 0
    assert (tmp_path / "x.txt").read_text().split()[:3] == ["source", "night", "instrument"]
