"""Files, opened by other software and compared with the database."""

from __future__ import annotations

import csv
import io
import re
import zlib

import numpy as np
import pytest
from astropy.table import Table

from polarnight.db import PhotoPolResult
from polarnight.errors import ConfigError
from polarnight.web.tables.columns import COLUMNS, choose
from polarnight.web.tables.export import FORMATS, export
from polarnight.web.tables.paging import rows_of
from polarnight.web.tables.paper import LETTERS, LINES, plain_letters

NAMES = [column.name for column in COLUMNS]
DATA = [kind for kind in FORMATS if kind != "pdf"]


@pytest.fixture
def queryset(results):
    return PhotoPolResult.objects.order_by("id")


def written(rows, kind, names=NAMES, about="p > 0.1"):
    return b"".join(export(rows, choose(names), kind, about))


def read(kind, data):
    if kind == "parquet":
        import pyarrow.parquet as pq

        return pq.read_table(io.BytesIO(data))
    options = {"csv": {"format": "ascii.csv", "comment": "#"}, "ecsv": {"format": "ascii.ecsv"},
               "votable": {"format": "votable"}}[kind]  # fmt: skip
    source = io.BytesIO(data) if kind == "votable" else data.decode()
    return Table.read(source, **options)


def same(got, expected):
    """Whether a value of a file is that of the database, to the last digit."""
    if expected is None:
        return got is None or np.ma.is_masked(got) or (isinstance(got, float) and np.isnan(got))
    if expected == "":
        return np.ma.is_masked(got) or got == ""
    return got == expected


@pytest.mark.parametrize("kind", DATA)
def test_all_columns_come_back(queryset, kind):
    data = written(queryset, kind)
    table = read(kind, data)
    expected = list(rows_of(queryset, COLUMNS))
    for place, column in enumerate(COLUMNS):
        values = table[column.name]
        values = values.to_pylist() if kind == "parquet" else list(values)
        assert len(values) == len(expected)
        for got, row in zip(values, expected, strict=True):
            wanted = row[place]
            if kind == "csv" and isinstance(wanted, str) and wanted.startswith("="):
                wanted = f"'{wanted}"
            if kind == "ecsv" and isinstance(wanted, str):
                wanted = wanted.replace("\n", " ")
            assert same(got, wanted), (column.name, got, wanted)


@pytest.mark.parametrize("kind", ["ecsv", "votable"])
def test_units_and_descriptions(queryset, kind):
    table = read(kind, written(queryset, kind))
    for column in COLUMNS:
        assert str(table[column.name].unit or "") == column.unit
        assert table[column.name].description == column.description
        ucd = table[column.name].meta.get("ucd")
        assert ucd == column.ucd


def test_votable_tells_time_scales(queryset):
    """Each date that is a number refers to its time system, with an origin that fits it."""
    from astropy.io.votable import parse

    file = parse(io.BytesIO(written(queryset, "votable")), verify="exception")
    systems = {one.ID: (one.timescale, one.refposition, one.timeorigin)
               for one in file.resources[0].time_systems}  # fmt: skip
    of = {field.name: systems.get(field.ref) for field in file.get_first_table().fields}
    mjd, jd = "MJD-origin", "JD-origin"
    assert of["mjd"] == ("UTC", "TOPOCENTER", mjd)
    assert of["jd_mid"] == of["jd_first"] == of["jd_last"] == ("UTC", "TOPOCENTER", jd)
    assert of["bjd_tdb"] == ("TDB", "BARYCENTER", jd)
    assert of["mag"] is None
    assert b"TIMESYS" not in written(queryset, "votable", ["mag"])


@pytest.mark.filterwarnings("ignore:No table..len")
def test_parquet_in_astropy(queryset):
    """Astropy finds units, and the same numbers."""
    table = Table.read(io.BytesIO(written(queryset, "parquet")), format="parquet")
    for column in COLUMNS:
        assert str(table[column.name].unit or "") == column.unit
        assert table[column.name].meta.get("ucd") == column.ucd
    mags = queryset.values_list("mag", flat=True)
    assert all(same(float(got), mag) for got, mag in zip(table["mag"], mags, strict=True))


def test_votable_is_valid(queryset, tmp_path):
    from astropy.io.votable import validate

    path = tmp_path / "results.xml"
    path.write_bytes(written(queryset, "votable"))
    told = io.StringIO()
    assert validate(path, output=told), told.getvalue()


def test_parquet_describes_itself(queryset):
    schema = read("parquet", written(queryset, "parquet")).schema
    assert schema.field("mag").metadata == {
        b"unit": b"mag", b"ucd": b"phot.mag;em.opt", b"description": b"magnitude"
    }  # fmt: skip
    assert b"cite" in schema.metadata[b"comments"]


def test_head_of_csv(queryset):
    text = written(queryset, "csv", ["source", "mag"], about="of\n# me").decode()
    head = [line for line in text.splitlines() if line.startswith("# ")]
    assert any("cite" in line for line in head)
    assert "# of # me" in head
    assert "# mag [mag]: magnitude" in head
    assert text.splitlines()[len(head)] == "source,mag"


def test_no_formulas_in_csv(queryset):
    """Texts are made harmless, negative numbers stay numbers."""
    lines = written(queryset, "csv", ["source", "mag"]).decode().splitlines()
    rows = list(csv.reader(line for line in lines if not line.startswith("# ")))
    assert rows[-1][0].startswith("'=cmd")
    assert rows[-2] == ["2200+420", "-0.25"]


@pytest.mark.parametrize("kind", DATA)
def test_no_rows(db, kind):
    table = read(kind, written(PhotoPolResult.objects.all(), kind))
    assert (table.num_rows if kind == "parquet" else len(table)) == 0


def test_unknown_format(db):
    with pytest.raises(ConfigError, match="no format 'xls'; there are csv, ecsv, parquet, votable"):
        written(PhotoPolResult.objects.all(), "xls")


def printed(data):
    """Return the lines of each page of a PDF, and check where its objects are said to be."""
    start = int(re.search(rb"startxref\n(\d+)", data)[1])
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", data[start:])]
    for number, place in enumerate(places, 1):
        assert data[place:].startswith(f"{number} 0 obj".encode())
    streams = re.findall(rb"/Length (\d+) /Filter /FlateDecode >>\nstream\n", data)
    pages = []
    for found in re.finditer(rb"stream\n(x.*?)\nendstream", data, re.DOTALL):
        content = zlib.decompress(found[1]).decode("cp1252")
        lines = re.findall(r"\((.*)\) '", content)
        pages.append([re.sub(r"\\(.)", r"\1", line) for line in lines])
    assert len(streams) == len(pages) == data.count(b"/Type /Page /Parent")
    return pages


def test_pdf_shows_what_the_page_shows(queryset):
    pages = printed(written(queryset, "pdf", ["source", "p", "chi", "mag"]))
    text = "\n".join(pages[0])
    assert "cite" in text
    assert "p > 0.1" in text
    assert "p (%)" in text
    assert "chi (deg)" in text
    rows = [line.split() for line in pages[0] if line.startswith("2200+420")]
    assert rows == [
        ["2200+420", "14.000", "14.70", f"{mag:.3f}"]
        for mag in (13.38, 13.38 + 1 / 3, 13.38 + 2 / 3, -0.25)
    ]
    assert pages[-1][1] == "p (%): degree of polarization, debiased"


def test_pdf_breaks_wide_and_long_tables(queryset):
    one = queryset.first()
    more = [PhotoPolResult(**{**vars_of(one), "identity": f"n{n}"}) for n in range(150)]
    PhotoPolResult.objects.bulk_create(more)
    pages = printed(written(queryset, "pdf"))
    assert max(len(line) for page in pages for line in page) <= LETTERS
    assert max(map(len, pages)) <= LINES
    # Every row is in every block of columns.
    firsts = [line.split()[0] for page in pages for line in page if line.strip()]
    assert {str(row.pk) for row in queryset} <= set(firsts)


def vars_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields
            if field.attname not in ("id", "flags")}  # fmt: skip


def test_pdf_refuses_what_nobody_reads(queryset, monkeypatch):
    monkeypatch.setattr("polarnight.web.tables.pdf.MOST_ROWS", 4)
    with pytest.raises(ConfigError, match="a PDF holds 4 rows; choose fewer"):
        written(queryset, "pdf")


def test_letters_of_paper():
    assert plain_letters("χ ± 3″ β Lyr − 神 ({\n") == 'chi ± 3" beta Lyr - ? ({?'
