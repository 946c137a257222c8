"""The catalogue: names, files, coordinates."""

from __future__ import annotations

import pytest

from polarnight.db.coordinates import format_dec, format_ra, parse_dec, parse_ra
from polarnight.db.sources import SourceName, SourceNames, get_source
from polarnight.errors import ConfigError

NAMES = SourceNames(
    (
        SourceName("2200+420", ("BL Lac", "BLLac"), 330.68, 42.28),
        SourceName("1101+384", ("Mrk 421", "Mrk421"), 166.11, 38.21),
        SourceName("1652+398", ("Mrk 501",), 253.47, 39.76),
        SourceName("Hiltner 960", (), 305.87, 39.34),
        SourceName("HD 204827", (), 322.24, 58.74),
        SourceName("3C 66A", ("0219+428",), 35.67, 43.04),
        SourceName("M87", (), 187.7, 12.39),
        SourceName("OJ 287", ("0851+202",), 133.7, 20.1),
        SourceName("2200+420 star C", (), 330.69, 42.27, is_target=False),
    )
)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("2200+420", "2200+420"),
        ("BLLac", "2200+420"),
        ("bl lac", "2200+420"),
        ("BL_Lac", "2200+420"),
        ("BLLac_R_60s", "2200+420"),
        ("BL Lac R", "2200+420"),
        ("2200+420_R_60s", "2200+420"),
        ("J2200+420", "2200+420"),
        ("Mrk421 V", "1101+384"),
        ("Mrk-421", "1101+384"),
        ("MRK 501", "1652+398"),
        ("Hiltner960", "Hiltner 960"),
        ("Hiltner_960", "Hiltner 960"),
        ("Hiltn", "Hiltner 960"),
        ("HD204827_pol", "HD 204827"),
        ("HD_204827", "HD 204827"),
        ("0219+428 B", "3C 66A"),
        ("3C_66A", "3C 66A"),
        ("m87", "M87"),
        ("M87 U", "M87"),
        ("2200+420 star C", "2200+420 star C"),
        ("OJ287", "OJ 287"),
        ("Mrk", None),
        ("M8", None),
        ("SAO 12345", None),
        ("flat R", None),
        ("", None),
        ("  _ ", None),
    ],
)
def test_object_keyword(written, name):
    found = NAMES.match(written)
    assert (found.name if found else None) == name


def test_what_fits_several_targets_is_none():
    names = SourceNames(
        (SourceName("Markarian 421", (), 1, 1), SourceName("Markarian 501", (), 2, 2))
    )
    assert names.match("Markarian") is None
    assert names.resolve("Markarian 501 R") == (2, 2)
    assert names.resolve("Vega") is None


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("22:02:43.2914", 330.680381),
        ("22 02 43.2914", 330.680381),
        ("22h02m43.2914s", 330.680381),
        ("00:00:00", 0.0),
        ("330.680381", 330.680381),
        ("12h", 180.0),
        ("12:30", 187.5),
    ],
)
def test_right_ascensions(text, degrees):
    assert parse_ra(text) == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("+42:16:39.98", 42.277772),
        ("-00:30:00", -0.5),
        ("-0 30", -0.5),
        ("42d16m39.98s", 42.277772),
        ("42°16′39.98″", 42.277772),
        ("-89.5", -89.5),
    ],
)
def test_declinations(text, degrees):
    assert parse_dec(text) == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize("text", ["", "abc", "25:00:00", "12:60:00", "-1:00:00", "1:2:3:4", "nan"])
def test_wrong_right_ascensions(text):
    with pytest.raises(ValueError, match="right ascension"):
        parse_ra(text)


@pytest.mark.parametrize("text", ["+90:00:01", "10:00:61", "", "12:-3:00"])
def test_wrong_declinations(text):
    with pytest.raises(ValueError, match="declination"):
        parse_dec(text)


@pytest.mark.parametrize("value", [0.0, 359.99999999, 180.123456, 14.99999])
def test_coordinates_go_there_and_back(value):
    assert parse_ra(format_ra(value)) == pytest.approx(value % 360, abs=4e-7) or (
        value > 359.9 and parse_ra(format_ra(value)) == 0
    )
    dec = value / 4 - 45
    assert parse_dec(format_dec(dec)) == pytest.approx(dec, abs=2e-7)


CSV = """# targets and a calibrator
name, other_names, ra_hms, dec_dms, srctype, mag_R, mag_R_err, p, p_err, chi, chi_err, calibrates
2200+420,BL Lac; BLLac,22:02:43.29,+42:16:39.98,blazar,13.38,0.02,0.14,0.01,14.7,2,
BL Lac C,,22:02:48.0,+42:15:30,star,14.19,0.03,,,,,2200+420
"""

YAML = """
- name: 2200+420
  other_names: [BL Lac, BLLac]
  ra_hms: 22:02:43.29
  dec_dms: +42:16:39.98
  srctype: blazar
  mag_R: 13.38
  mag_R_err: 0.02
  p: 0.14
  p_err: 0.01
  chi: 14.7
  chi_err: 2
- name: BL Lac C
  ra_hms: 22:02:48.0
  dec_dms: 42:15:30
  srctype: star
  mag_R: 14.19
  mag_R_err: 0.03
  calibrates: [2200+420]
"""

IOP4 = """
- model: auth.user
  fields: {username: x}
- model: iop4api.astrosource
  fields:
    name: 2200+420
    other_names: BL Lac;BLLac
    ra_hms: 22:02:43.29
    dec_dms: +42:16:39.98
    srctype: blazar
    comment: null
    metadata_str: |
      DIPOL.polarimetry.only_pair: E
    redshift: 0.0686
    calibrates: []
    mag_R: 13.38
    mag_R_err: 0.02
    mag_U: null
    p: 0.14
    p_err: 0.01
    chi: 14.7
    chi_err: 2
- model: iop4api.astrosource
  fields:
    name: BL Lac C
    other_names: null
    ra_hms: 22:02:48.0
    dec_dms: 42:15:30
    srctype: star
    mag_R: 14.19
    mag_R_err: 0.03
    calibrates: [[2200+420]]
"""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "text"),
    [("s.csv", CSV), ("s.yaml", YAML), ("s.yml", IOP4)],
    ids=["csv", "yaml", "iop4"],
)
def test_import_from_each_kind_of_file(tmp_path, name, text):
    from polarnight.db import AstroSource
    from polarnight.db.catalogue import import_sources

    path = tmp_path / name
    path.write_text(text)
    report = import_sources(path)
    assert report.created == ("2200+420", "BL Lac C")
    target, star = AstroSource.objects.order_by("name")
    assert target.ra == pytest.approx(330.680375, abs=1e-6)
    assert target.all_names == ["2200+420", "BL Lac", "BLLac"]
    assert (target.p, target.p_err, target.chi) == (0.14, 0.01, 14.7)
    assert target.magnitude("R") == (13.38, 0.02)
    assert target.magnitude("B") is None
    assert star.is_calibrator
    assert not target.is_calibrator
    assert list(target.calibrators.all()) == [star]
    assert list(AstroSource.objects.targets()) == [target]
    assert list(AstroSource.objects.calibrators_of(target)) == [star]
    marks = dict(AstroSource.objects.with_calibrator_mark().values_list("name", "calibrator"))
    assert marks == {"2200+420": False, "BL Lac C": True}
    if name == "s.yml":
        assert target.metadata == {"DIPOL.polarimetry.only_pair": "E"}
    again = import_sources(path)
    assert str(again) == "0 sources added, 0 changed, 2 unchanged"


@pytest.mark.django_db
def test_import_updates_what_the_file_speaks_of(tmp_path, source):
    from polarnight.db.catalogue import import_sources

    path = tmp_path / "s.csv"
    path.write_text("name,ra_hms,dec_dms,mag_R,mag_V\n2200+420,22:02:43.3,42:16:40,13.5,\n")
    assert import_sources(path).changed == ("2200+420",)
    key = source.pk
    source.refresh_from_db()
    assert source.pk == key
    assert (source.mag_R, source.mag_R_err, source.srctype) == (13.5, 0.02, "blazar")


@pytest.mark.django_db
def test_table_can_be_imported_again(tmp_path):
    from polarnight.db import AstroSource
    from polarnight.db.catalogue import import_sources, sources_table

    (tmp_path / "a.yaml").write_text(IOP4)
    import_sources(tmp_path / "a.yaml")
    table = sources_table()
    assert list(table["name"]) == ["2200+420", "BL Lac C"]
    assert table["p"][0] == 0.14
    assert table["mag_U"].mask.all()
    table.write(tmp_path / "b.csv", format="ascii.csv")
    assert str(import_sources(tmp_path / "b.csv")) == "0 sources added, 0 changed, 2 unchanged"
    AstroSource.objects.all().delete()
    assert len(sources_table()) == 0
    import_sources(tmp_path / "b.csv")
    assert list(sources_table()["calibrates"]) == ["", "2200+420"]


GOOD = "name,ra_hms,dec_dms,p,mag_R_err,calibrates\ngood,1:00:00,2:00:00,,,\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("bad,25:00:00,2:00:00,,,", "row 2 .bad.: key 'ra_hms': '25:00:00' is wrong"),
        ("bad,1:00:00,+99:00:00,,,", "key 'dec_dms'"),
        ("bad,1:00:00,2:00:00,5.21,,", r"key 'p': .* fraction .*0\.0521"),
        ("bad,1:00:00,2:00:00,,-1,", "key 'mag_R_err'"),
        ("bad,1:00:00,2:00:00,x,,", "key 'p'"),
        ("bad,1:00:00,2:00:00,,,nobody", "'bad' calibrates 'nobody'"),
        ("bad,1:00:00,,,,", "key 'dec_dms' is missing"),
        ("good,1:00:00,2:00:00,,,", "'good' is already in row 1"),
        ("bad,1:00:00,2:00:00,,,,,7", "more columns than names"),
    ],
)
def test_wrong_files_change_nothing(tmp_path, row, message):
    from polarnight.db import AstroSource
    from polarnight.db.catalogue import import_sources

    path = tmp_path / "sources.csv"
    path.write_text(GOOD + row + "\n")
    with pytest.raises(ConfigError, match=message) as caught:
        import_sources(path)
    assert "sources.csv" in str(caught.value)
    assert not AstroSource.objects.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", ""),
        ("b.yaml", "a: [1"),
        ("c.yaml", "just text"),
        ("d.csv", None),
        ("e.yaml", "[1]"),
    ],
)
def test_unreadable_files(tmp_path, name, text):
    from polarnight.db.catalogue_file import read_catalogue

    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=name):
        read_catalogue(path)


@pytest.mark.django_db
def test_get_source(source):
    assert get_source("2200+420") == source
    assert get_source("bl lac") == source
    with pytest.raises(ConfigError, match=r"did you mean 2200\+420"):
        get_source("2200+421")
    source.delete()
    with pytest.raises(ConfigError, match="sources import"):
        get_source("2200+420")


@pytest.mark.django_db
def test_names_from_the_database(source):
    import pickle

    names = pickle.loads(pickle.dumps(SourceNames.load()))
    assert names.resolve("BLLac_R") == (source.ra, source.dec)


@pytest.mark.django_db
def test_a_source_put_far_from_its_place_is_told(tmp_path):
    from polarnight.db.catalogue import import_sources

    catalogue = tmp_path / "moving.yaml"
    entry = (
        "- {{name: Wanderer, ra_hms: 10 00 00, dec_dms: '+20 00 {seconds}', comment: c{seconds}}}"
    )
    catalogue.write_text(entry.format(seconds="00"))
    assert import_sources(catalogue).moved == ()
    catalogue.write_text(entry.format(seconds="02"))
    assert import_sources(catalogue).moved == ()
    catalogue.write_text(entry.format(seconds="42"))
    [(name, way)] = import_sources(catalogue).moved
    assert name == "Wanderer"
    assert way == pytest.approx(40.0)


def test_a_wrong_column_is_told_once(tmp_path):
    from polarnight.db.catalogue_file import read_catalogue

    path = tmp_path / "stars.csv"
    rows = "".join(f"S{n},{n},1:00:00,2:00:00\n" for n in range(300))
    path.write_text("name,magR,ra_hms,dec_dms\n" + rows)
    with pytest.raises(ConfigError) as caught:
        read_catalogue(path)
    told = str(caught.value).splitlines()
    assert len(told) == 1
    assert "stars.csv, row 1 (S0) and 299 more: unknown key 'magR'; known are name" in told[0]
    path.write_text("name,ra_hms,dec_dms\n" + "".join(f"S{n},{n}h,1:00:00\n" for n in range(99)))
    with pytest.raises(ConfigError, match="further problems") as caught:
        read_catalogue(path)
    assert len(str(caught.value).splitlines()) == 21


@pytest.mark.django_db
def test_a_frame_that_is_not_there_is_named():
    from polarnight.db import RawFit, ReducedFit

    with pytest.raises(RawFit.DoesNotExist, match=r"none\.fit is not registered"):
        RawFit.by_fileloc("T090/2024-04-08/none.fit")
    with pytest.raises(ReducedFit.DoesNotExist, match=r"none\.fit is not reduced"):
        ReducedFit.by_fileloc("T090/2024-04-08/none.fit")
    with pytest.raises(ConfigError, match="is a path; use TELESCOPE/yyyy-mm-dd/FILE"):
        RawFit.by_fileloc("data/raw/OSN-T090/2024-04-08/none.fit")
