"""The cycles of a night combined, as plain records."""

import math
from datetime import date

import numpy as np
import pytest

from polarnight.db import AstroSource, Epoch, PhotoPolResult
from polarnight.db.combine import combined_table
from polarnight.db.export import write_results
from polarnight.errors import ConfigError

pytestmark = pytest.mark.django_db

COMMON = 0.003


@pytest.fixture
def results(db):
    source = AstroSource.objects.create(
        name="2200+420", ra_hms="22:02:43.3", dec_dms="+42:16:40", srctype="blazar"
    )
    rng = np.random.default_rng(4)
    for night in (18, 19):
        epoch = Epoch.objects.create(telescope="OSN-T090", night=date(2022, 9, night))
        for number in range(6):
            random = 0.004 if number < 3 else 0.008
            q, u = 0.10 + random * rng.standard_normal(), -0.05 + random * rng.standard_normal()
            PhotoPolResult.objects.create(
                identity=f"{night}-{number}",
                epoch=epoch,
                astrosource=source,
                reduction="relpol",
                instrument="AndorT90",
                obsmode="POLARIMETRY",
                band="R",
                juliandate=2459841.4 + night + 0.01 * number,
                q=q,
                q_err=math.hypot(random, COMMON),
                u=u,
                u_err=math.hypot(random, COMMON),
                qu_cov=0.0,
                debias="mas",
                pol_method="polaroid pairs",
                n_angles=4,
                evidence={
                    "polarimetry": {
                        "q_err_random": random,
                        "u_err_random": random,
                        "qu_cov_random": 0.0,
                        "rotation_err": 0.0,
                    }
                },
            )
    return PhotoPolResult.objects


def test_one_record_a_night(results):
    before = results.count()
    found = results.combined(by="night")
    assert [(one.source, one.night.day, one.n) for one in found] == [
        ("2200+420", 18, 6),
        ("2200+420", 19, 6),
    ]
    assert results.count() == before


def test_random_errors_average_down_and_common_ones_do_not(results):
    one = results.filter(epoch__night="2022-09-18").combined()[0]
    weight = 3 / 0.004**2 + 3 / 0.008**2
    assert one.scale == 1.0
    assert one.q_err_random == pytest.approx(weight**-0.5)
    assert one.q_err == pytest.approx(math.hypot(weight**-0.5, COMMON))
    assert abs(one.q - 0.10) < 3 * one.q_err_random
    assert one.jd_mid == pytest.approx(2459841.4 + 18 + 0.025)
    assert one.p == pytest.approx(math.hypot(one.q, one.u), abs=1e-3)
    assert one.dof == 10


def test_bad_results_are_left_out(results):
    row = results.order_by("juliandate").first()
    row.flag("BAD_POLARIMETRY", why="a trail")
    one = results.combined()[0]
    assert (one.n, one.left_out) == (5, 1)
    assert row.pk not in one.results
    for other in results.filter(epoch__night="2022-09-19"):
        other.flag("BAD_POLARIMETRY")
    assert len(results.combined()) == 1


def test_another_interval_is_refused(results):
    with pytest.raises(ConfigError, match="'month'"):
        results.combined(by="month")


@pytest.mark.parametrize("form", ["table", "csv", "ecsv", "json", "votable", "parquet"])
def test_the_table_goes_into_every_format(results, form, tmp_path):
    table = combined_table(results.combined())
    assert list(table["n"]) == [6, 6]
    assert np.isnan(table["v"]).all()
    text = write_results(table, form, tmp_path / f"night.{form}")
    assert (tmp_path / f"night.{form}").stat().st_size > 0
    assert form == "parquet" or "2200+420" in text
    assert len(combined_table([])) == 0
