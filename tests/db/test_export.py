"""Results as tables and files, read back by other software."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from polarnight.db.export import COLUMNS, FORMATS, results_table, write_results
from polarnight.errors import ConfigError

pytestmark = pytest.mark.django_db

WANTED = [
    "source",
    "telescope",
    "instrument",
    "obsmode",
    "band",
    "jd_mid",
    "bjd_tdb",
    "exptime",
    "mag",
    "mag_err",
    "q",
    "q_err",
    "u",
    "u_err",
    "p_naive",
    "p",
    "p_err",
    "p_limit95",
    "chi",
    "chi_err",
    "flags",
    "n_frames",
    "files",
]


@pytest.fixture
def table(make_result):
    first = make_result(bjd_tdb=2459841.465, n_frames=4, files=("a/b/1.fit", "a/b/2.fit"))
    first.set_flag(first.FLAGS.RISKY_MASTER | first.FLAGS.FORCED).save()
    make_result(
        files=("a/b/3.fit",), band="V", juliandate=2459841.5, q=None, p=None, chi=None, mag=None
    ).save()
    return results_table()


def test_columns_and_values(table):
    assert set(WANTED) <= set(table.colnames)
    assert list(table["band"]) == ["R", "V"]
    row = table[0]
    assert (row["source"], row["telescope"]) == ("2200+420", "OSN-T090")
    assert (row["jd_mid"], row["bjd_tdb"]) == (2459841.46, 2459841.465)
    assert (row["p"], row["chi"], row["mag"], row["n_frames"]) == (0.14, 14.7, 13.38, 4)
    assert row["flags"] == "FORCED|RISKY_MASTER"
    assert row["files"] == "a/b/1.fit;a/b/2.fit"
    assert np.isnan(table[1]["q"])
    assert np.isnan(table[1]["mag"])
    assert str(table["chi"].unit) == "deg"


def test_selection(table):
    from polarnight.db import PhotoPolResult

    assert len(results_table(band="V")) == 1
    assert len(results_table(PhotoPolResult.objects.filter(p__gt=0.1))) == 1
    assert len(results_table(PhotoPolResult.objects.filter(p__gt=0.1), band="V")) == 0


@pytest.mark.parametrize("kind", ["csv", "ecsv", "votable", "parquet"])
def test_formats_come_back(table, tmp_path, kind):
    from astropy.table import Table

    path = tmp_path / f"results.{kind}"
    text = write_results(table, kind, path)
    assert (text == "") == (kind == "parquet")
    names = {"csv": "ascii.csv", "ecsv": "ascii.ecsv"}
    if kind == "parquet":  # astropy would need pandas to read it
        import pyarrow.parquet as pq

        back = Table(pq.read_table(path).to_pydict())
    else:
        back = Table.read(path, format=names.get(kind, kind))
    assert back.colnames == table.colnames
    for name in ("jd_mid", "mag", "p", "chi", "q"):
        values = np.ma.filled(np.ma.asarray(back[name], dtype=float), np.nan)
        np.testing.assert_array_equal(values, table[name])
    assert [str(value) for value in back["files"]] == list(table["files"])
    if kind in {"ecsv", "votable"}:
        assert str(back["chi"].unit) == "deg"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_plain_csv(table):
    rows = list(csv.DictReader(io.StringIO(write_results(table, "csv"))))
    assert float(rows[0]["jd_mid"]) == 2459841.46
    assert rows[1]["mag"] in {"", "nan"}


def test_json_has_no_nan(table):
    content = json.loads(
        write_results(table, "json"), parse_constant=lambda name: pytest.fail(name)
    )
    assert content["rows"][0]["p"] == 0.14
    assert content["rows"][1]["p"] is None
    assert content["columns"]["chi"]["unit"] == "deg"


def test_text_for_eyes(table):
    text = write_results(table, "table")
    assert "13.380" in text
    assert "nan" not in text
    lines = text.splitlines()
    assert lines[0].split()[:4] == ["source", "night", "instrument", "band"]
    assert len(lines) == 3 + len(table) + sum(line.startswith(("-", ">")) for line in lines[3:])


def test_text_tells_limits_and_why_there_is_no_number(table):
    rows = table[[0, 0, 0, 0, 1]]
    rows["flags"] = ["UPPER_LIMIT|FORCED", "SATURATED", "NO_ZERO_POINT", "HOST_REFUSED", ""]
    rows["obsmode"] = ["PHOTOMETRY"] * 4 + ["POLARIMETRY"]
    rows["mag"], rows["mag_limit"] = [np.nan] * 3 + [13.38, 13.4], [18.2134] + [np.nan] * 4
    rows["p"], rows["chi"] = [np.nan] * 4 + [0.14], [np.nan] * 4 + [21.0]
    rows["mag_corr"] = [np.nan] * 4 + [13.5]
    text = write_results(rows, "table")
    lines = text.splitlines()
    mags = [line.split()[lines[0].split().index("mag")] for line in lines[3:8]]
    assert mags == [">18.213", "-", "-", "13.380", "13.400"]
    assert lines[8] == "> not detected: the 3-sigma limit"
    assert lines[9] == "- no mag: 1 saturated, 1 without a measured calibrator"
    assert lines[10] == "- no p or chi: 4 of photometry"
    assert lines[11] == "- no mag_corr: 1 refused (the evidence has the reason)"
    assert "nan" not in text


@pytest.mark.parametrize("kind", FORMATS)
def test_no_results(kind, tmp_path, db):
    table = results_table()
    assert len(table) == 0
    assert table.colnames == [column[0] for column in COLUMNS]
    write_results(table, kind, tmp_path / "x")
    assert (tmp_path / "x").is_file()


def test_wrong_formats(table):
    with pytest.raises(ConfigError, match="xls"):
        write_results(table, "xls")
    with pytest.raises(ConfigError, match="file"):
        write_results(table, "parquet")
