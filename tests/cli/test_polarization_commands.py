"""The commands about standards and instrumental polarization, as users give them."""

import pytest

from polarnight.db import AstroSource, PolarizationCalibration

ASK = ("--instrument", "AndorT90", "--band", "R", "--from", "2022-09-18", "--to", "2022-09-18")


def test_standards_are_listed_with_their_sources(archive):
    assert archive.run("standards") == 0
    assert "1992AJ....104.1563S" in archive.out
    assert "checked" in archive.out.splitlines()[0]
    lines = [line for line in archive.out.splitlines() if line.startswith("Hiltner 960")]
    assert len(lines) == 5
    assert archive.run("standards", "--band", "R") == 0
    one = next(line for line in archive.out.splitlines() if line.startswith("Hiltner 960"))
    for part in ("polarized", "5.210", "54.54", "no"):
        assert part in one.split()
    borrowed = next(line for line in archive.out.splitlines() if line.startswith("HD 212311"))
    assert "value in V" in borrowed


def test_standards_become_sources_once(archive, tmp_path):
    own = tmp_path / "own.csv"
    own.write_text(
        "name,other_names,ra_hms,dec_dms\nHiltner960,Hiltner 960,20:23:28.53,+39:20:59.1\n"
    )
    assert archive.run("sources", "import", own) == 0
    assert archive.run("standards", "--import") == 0
    assert "Hiltner 960 is in the catalogue already, as Hiltner960" in archive.out
    assert AstroSource.objects.filter(name__startswith="Hiltner").count() == 1
    star = AstroSource.objects.get(name="HD 204827")
    assert (star.p, star.chi) == pytest.approx((0.04893, 59.10))
    assert star.srctype == "polarized standard"
    moving = AstroSource.objects.get(name="G191B2B")
    assert moving.pm_dec == pytest.approx(-93.5)
    count = AstroSource.objects.count()
    assert archive.run("standards", "--import") == 0
    assert "0 sources added, 0 changed" in archive.out
    assert AstroSource.objects.count() == count


def test_a_table_of_ones_own_must_be_right(archive, tmp_path):
    (tmp_path / "own.csv").write_text("name,p\nX,1\n")
    assert archive.run("standards", "--standards", tmp_path / "own.csv") == 2
    assert "no column aliases" in archive.err


def test_calibrating_without_standards_says_what_to_do(archive):
    assert archive.run("calibrate-polarization", "--list") == 0
    assert "declared constants are used" in archive.out
    assert archive.run("calibrate-polarization", "--band", "R") == 2
    assert "give --instrument, --from, --to (or --list)" in archive.err
    assert archive.run("calibrate-polarization", *ASK) == 2
    assert "polarnight standards --import" in archive.err
    assert archive.run("calibrate-polarization", *ASK[:-1], "yesterday") == 2
    assert archive.run("calibrate-polarization", *ASK, "--fix", "colour") == 2
    assert "choose of zero, angle, efficiency" in archive.err
    assert not PolarizationCalibration.objects.exists()


def test_what_is_lacking_for_a_calibration_is_told(archive):
    assert archive.run("standards", "--band", "r") == 2
    assert "no standard has a value in band r; there are" in archive.err
    words = ["calibrate-polarization", *ASK]
    words[words.index("--instrument") + 1] = "DOLORES"
    assert archive.run(*words) == 2
    assert "DOLORES has no polarimeter" in archive.err
    assert archive.run("standards", "--import") == 0
    assert archive.run("calibrate-polarization", *ASK) == 2
    assert "run the nights first: there is no polarimetry of them" in archive.err


def test_another_band_is_told(reduced):
    words = ["calibrate-polarization", *ASK]
    words[words.index("--instrument") + 1] = "AndorT90"
    for name, value in (("--band", "V"), ("--from", "2022-09-18"), ("--to", "2022-09-18")):
        words[words.index(name) + 1] = value
    assert reduced.run(*words) == 2
    assert "can be used; there is polarimetry in R" in reduced.err
