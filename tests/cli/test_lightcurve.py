"""Light curves from a reduced night, through the command and through the library."""

from itertools import pairwise

import numpy as np
import pytest
from astropy.table import Table
from astropy.timeseries import TimeSeries

from polarnight.db import AperPhotResult, PhotoPolResult, ReducedFit
from polarnight.photometry import lightcurve
from polarnight.pipeline.lightcurves.curves import ensemble_lightcurve


def test_the_library_finds_the_results_of_a_source(reduced):
    series = lightcurve("BL Lac", "R")
    rows = PhotoPolResult.objects.filter(astrosource__name="2200+420").order_by("bjd_tdb")
    assert series["mag"].value == pytest.approx([row.mag for row in rows])
    assert series.time.jd == pytest.approx([row.bjd_tdb for row in rows], abs=1e-8)
    pol = lightcurve("2200+420", kind="p")
    row = rows.get(reduction="relpol")
    assert (pol["p"][0], pol["chi"][0].value) == pytest.approx((row.p, row.chi))
    binned = lightcurve("2200+420", bin="night")
    assert binned["n"].tolist() == [3]
    assert binned["mag"][0].value == pytest.approx(np.mean(series["mag"].value), abs=0.01)
    # The literature of the calibrators is common to all; it does not average down.
    common = [row.evidence["zero_point"]["literature_error"] for row in rows]
    assert 0 < min(common) < binned["mag_err"][0].value


def test_the_host_galaxy_of_bl_lac_is_taken_off(reduced):
    rows = PhotoPolResult.objects.filter(astrosource__name="2200+420")
    assert len(rows) == 3
    for row in rows:
        assert "HOST_CORRECTED" in row.flag_labels
        host = row.evidence["host"]
        assert host["table"] == "BL Lacertae"
        left = 3.08e6 * 10 ** (-0.4 * row.mag) - host["flux_mJy"]
        assert row.mag_corr == pytest.approx(-2.5 * np.log10(left / 3.08e6))
        assert row.mag_corr_err > row.mag_err
    polarized = rows.get(reduction="relpol")
    assert polarized.p_corr == pytest.approx(polarized.p * polarized.evidence["host"]["dilution"])
    others = PhotoPolResult.objects.exclude(astrosource__name="2200+420")
    assert not any(row.mag_corr for row in others)
    series = lightcurve("BL Lac", host_corrected=True)
    assert (series.meta["source"], series.meta["host_corrected"]) == ("2200+420", True)
    assert np.all(series["mag"].value > lightcurve("BL Lac")["mag"].value)


def test_every_frame_has_its_curve_of_growth(reduced):
    for frame in ReducedFit.objects.all():
        part = "relphot" if frame.obsmode == "PHOTOMETRY" else "relpol"
        growth = frame.photometry_info[part]["growth"]
        assert -0.2 < growth["aperture_correction"] < 0.0
        assert 0 < growth["aperture_correction_err"] < 0.01
        assert growth["stars"] >= 3
        assert growth["mag_zp_total"] == pytest.approx(frame.mag_zp - growth["aperture_correction"])
    for row in AperPhotResult.objects.select_related("reducedfit"):
        assert row.is_default
        assert row.aperture_correction < 0


def test_radii_of_the_curve_are_stored_where_asked_for(reduced):
    from polarnight.pipeline.groups.growth import GROWTH_STEPS

    more = ("-o", "photometry.growth_curve=true")
    assert reduced.run(*more, "run", "--all-local") == 0
    rows = AperPhotResult.objects.filter(reducedfit__filename="BLLac-0001R.fit", pairs="O")
    curve = rows.filter(astrosource__name="2200+420").order_by("aperindex")
    assert [row.aperindex for row in curve] == list(range(len(GROWTH_STEPS) + 1))
    assert [row.is_default for row in curve] == [True] + [False] * len(GROWTH_STEPS)
    further = list(curve)[1:]
    assert all(a.aperpix < b.aperpix for a, b in pairwise(further))
    # With its correction, every radius tells the same light.
    light = [row.flux_counts * 10 ** (-0.4 * row.aperture_correction) for row in further[2:]]
    assert np.ptp(light) / np.mean(light) < 0.02
    result = PhotoPolResult.objects.filter(astrosource__name="2200+420", reduction="relphot")[0]
    assert [row.is_default for row in result.aperphotresults.all()] == [True]
    assert reduced.run("run", "--all-local") == 0
    assert not AperPhotResult.objects.filter(is_default=False).exists()


def test_the_ensemble_takes_off_what_frames_have_in_common(reduced):
    series = ensemble_lightcurve("BL Lac", "R")
    assert isinstance(series, TimeSeries)
    assert len(series) == 2
    assert series.meta["comparison_stars"] >= 2
    assert np.ptp(series["mag"].value) < 5 * np.max(series["mag_err"].value)


def test_the_command_writes_and_draws(reduced, tmp_path):
    out, picture = tmp_path / "x.ecsv", tmp_path / "x.png"
    assert reduced.run("lightcurve", "BL Lac", "--output", out, "--plot", picture) == 0
    assert "3 points" in reduced.out
    series = TimeSeries.read(out, format="ascii.ecsv", time_column="time")
    assert len(series) == 3
    assert picture.stat().st_size > 10_000
    table = tmp_path / "x.csv"
    assert reduced.run("lightcurve", "2200+420", "--kind", "p", "--output", table) == 0
    assert Table.read(table, format="ascii.csv")["p"][0] > 0.05
    assert reduced.run("lightcurve", "BL Lac", "--bin", "night") == 0
    assert reduced.out.splitlines()[0].split()[:3] == ["bjd_tdb", "mag", "mag_err"]
    assert reduced.run("lightcurve", "BL Lac", "--kind", "ensemble") == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("zzz",), "no source is called 'zzz'; 'polarnight sources list' shows the names"),
        (("BL Lac", "--band", "B"), "there are: R"),
        (("BL Lac", "--kind", "flux"), "choose kind"),
        (("BL Lac", "--bin", "often"), "number of days"),
        (("BL Lac", "--output", "x.doc"), "ends in"),
        (("BL Lac", "--from", "2030-01-01"), "some of AndorT90 from 2022-09-18 to 2022-09-18"),
        (("BL Lac", "--instrument", "AndorT9"), "some of AndorT90 from"),
    ],
)
def test_the_command_says_what_is_wrong(reduced, words, told):
    assert reduced.run("lightcurve", *words) == 2
    assert told in reduced.err


def test_a_curve_of_growth_is_drawn(reduced, tmp_path):
    picture = tmp_path / "growth.png"
    place = "T090/2022-09-18/BLLac-0001R.fit"
    assert reduced.run("growth", place, "--plot", picture) == 0
    assert picture.stat().st_size > 10_000
    assert "mag" in reduced.out
    assert reduced.run("growth", "T090/2022-09-18/none.fit", "--plot", picture) == 2


def test_a_picture_without_the_host_says_so(reduced):
    from polarnight.photometry import lightcurve
    from polarnight.pipeline.lightcurves.plot import plot_lightcurve

    for host_corrected in (False, True):
        figure = plot_lightcurve(lightcurve("BL Lac", host_corrected=host_corrected))
        assert figure.get_suptitle().startswith("2200+420")
        assert ("without the host galaxy" in figure.get_suptitle()) is host_corrected
