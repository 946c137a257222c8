"""Light curves from tables of measurements: what is chosen, units, bins and their errors."""

import numpy as np
import pytest
from astropy.table import Table
from astropy.timeseries import TimeSeries

from polarnight.errors import ConfigError
from polarnight.photometry import lightcurve, provide_measurements
from polarnight.photometry.curves import MEASUREMENTS, _provider

JD = 2459841.0


def measurements(n=6, **changes):
    """Return n results of two nights by two instruments."""
    table = Table({name: np.full(n, np.nan) for name in MEASUREMENTS})
    table["jd_utc"] = JD + 0.4 + np.arange(n) * 0.5
    table["bjd_tdb"] = table["jd_utc"] + 0.003
    table["mag"], table["mag_err"], table["mag_err_common"] = 13.0 + 0.1 * np.arange(n), 0.02, 0.01
    table["q"], table["u"] = 0.08, 0.06
    for name in ("q_err", "u_err"):
        table[name] = 0.004
        table[f"{name}_random"] = 0.003
    table["qu_cov"] = table["qu_cov_random"] = table["rotation_err"] = 0.0
    table["p"], table["p_err"] = 0.1, 0.004
    table["p_low"], table["p_high"], table["chi"], table["chi_err"] = 0.096, 0.104, 18.4, 1.1
    table["night"] = [f"2022-09-{18 + i // 2}" for i in range(n)] if n <= 20 else "2022-09-18"
    table["telescope"] = "OSN-T090"
    table["instrument"] = (["AndorT90", "DIPOL"] * n)[:n]
    table["flags"] = [""] * n
    table["debias"] = "mas"
    table.meta["source"] = "BL Lac"
    for name, values in changes.items():
        table[name] = values
    return table


def test_a_magnitude_curve_is_a_timeseries_with_units():
    series = lightcurve(measurements(), "R")
    assert isinstance(series, TimeSeries)
    assert series.time.scale == "tdb"
    assert series.time.jd == pytest.approx(JD + 0.403 + 0.5 * np.arange(6), abs=1e-9)
    assert str(series["mag"].unit) == "mag"
    assert series["mag_err"].info.description == "1 sigma"
    assert list(series["instrument"][:2]) == ["AndorT90", "DIPOL"]
    assert series.meta["source"] == "BL Lac"
    assert lightcurve(measurements(), time="utc").time.scale == "utc"
    assert lightcurve(measurements(), time="utc").time.jd[0] == pytest.approx(JD + 0.4)


def test_polarization_has_degree_angle_and_stokes_parameters():
    series = lightcurve(measurements(), kind="p")
    assert {"q", "u", "qu_cov", "p", "p_low", "p_limit95", "chi"} <= set(series.colnames)
    assert str(series["chi"].unit) == "deg"
    assert lightcurve(measurements(), kind="polarization").colnames == series.colnames


def test_dates_and_instruments_choose():
    table = measurements()
    assert len(lightcurve(table, dates=("2022-09-19", None))) == 4
    assert len(lightcurve(table, dates=(None, "2022-09-18"))) == 2
    assert set(lightcurve(table, instruments="DIPOL")["instrument"]) == {"DIPOL"}
    assert len(lightcurve(table, instruments=["DIPOL", "AndorT90"])) == 6
    for wrong in ("2022-09-19", ("2022-09-19",)):
        with pytest.raises(ConfigError, match="dates are a pair"):
            lightcurve(table, dates=wrong)


def test_spoilt_results_are_dropped_or_kept():
    flags = ["BAD_PHOTOMETRY|FORCED", "FORCED", "SATURATED", "BAD_POLARIMETRY", "", "CROWDED"]
    table = measurements(flags=flags)
    assert len(lightcurve(table)) == 4
    assert len(lightcurve(table, flagged="keep")) == 6
    assert len(lightcurve(table, kind="p")) == 5


def test_limits_are_points_without_a_magnitude():
    table = measurements()
    table["mag"][2], table["mag_limit"][2] = np.nan, 18.5
    table["mag"][3] = np.nan  # neither
    series = lightcurve(table)
    assert len(series) == 5
    assert series["mag_limit"][2].value == 18.5
    assert np.isnan(series["mag"][2].value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "flux"},
        {"time": "hjd"},
        {"flagged": "maybe"},
        {"dates": ("yesterday", None)},
        {"bin": -1.0},
        {"bin": "week"},
    ],
)
def test_wrong_use_is_told(arguments):
    with pytest.raises(ConfigError):
        lightcurve(measurements(), **arguments)


def test_bins_never_mix_nights_or_instruments():
    series = lightcurve(measurements(), bin="night")
    assert len(series) == 6
    one = measurements(instrument=["DIPOL"] * 6)
    assert list(lightcurve(one, bin="night")["n"]) == [2, 2, 2]
    # Bins of 0.6 days from their first point: 0.4 and 0.9, 1.4 and 1.9, ...
    assert list(lightcurve(one, bin=0.6)["n"]) == [2, 2, 2]
    assert list(lightcurve(one, bin=10.0)["n"]) == [6]


def test_common_errors_do_not_average_down():
    n = 50
    rng = np.random.default_rng(2)
    table = measurements(n, instrument=["DIPOL"] * n, night=["2022-09-18"] * n)
    table["mag"] = 13.0 + 0.02 * rng.standard_normal(n)
    table["mag_err"], table["mag_err_common"] = np.hypot(0.02, 0.01), 0.01
    point = lightcurve(table, bin="night")
    assert point["mag_err"][0].value == pytest.approx(np.hypot(0.02 / np.sqrt(n), 0.01), rel=0.3)
    assert point["mag_err"][0].value > 0.01
    table["mag_err_common"] = np.nan  # not known: nothing is taken to be common
    assert lightcurve(table, bin="night")["mag_err"][0].value < 0.005


def test_errors_of_binned_magnitudes_cover_the_truth():
    rng = np.random.default_rng(3)
    pulls = []
    for _ in range(200):
        table = measurements(4, instrument=["DIPOL"] * 4, night=["2022-09-18"] * 4)
        common = 0.01 * rng.standard_normal()
        sigma = np.array([0.01, 0.02, 0.03, 0.015])
        table["mag"] = 14.0 + common + sigma * rng.standard_normal(4)
        table["mag_err"], table["mag_err_common"] = np.hypot(sigma, 0.01), 0.01
        point = lightcurve(table, bin="night")
        pulls.append((point["mag"][0].value - 14.0) / point["mag_err"][0].value)
    assert abs(np.mean(pulls)) < 0.25
    assert np.mean(np.abs(pulls) < 1.0) == pytest.approx(0.683, abs=0.1)


def test_q_and_u_are_averaged_as_a_vector_before_debiasing():
    rng = np.random.default_rng(4)
    found, degrees = [], []
    for _ in range(100):
        table = measurements(16, instrument=["DIPOL"] * 16, night=["2022-09-18"] * 16)
        table["q"], table["u"] = 0.004 * rng.standard_normal((2, 16))
        for name in ("q_err", "u_err", "q_err_random", "u_err_random"):
            table[name] = 0.004
        point = lightcurve(table, kind="p", bin="night")
        found.append((point["q"][0], point["u"][0], point["q_err"][0]))
        degrees.append(np.hypot(table["q"], table["u"]).mean())
    q, u, error = np.array(found).T
    # The mean of the degrees is all bias; the vector mean is not.
    assert np.mean(degrees) > 0.0045
    assert np.hypot(q, u).mean() < 0.002
    assert error == pytest.approx(0.001, rel=0.05) or np.median(error) == pytest.approx(0.001)
    assert np.std(q) == pytest.approx(0.001, rel=0.25)


def test_an_error_common_to_all_stays_in_the_mean():
    table = measurements(25, instrument=["DIPOL"] * 25, night=["2022-09-18"] * 25)
    for name in ("q_err", "u_err"):
        table[f"{name}_random"], table[name] = 0.005, np.hypot(0.005, 0.003)
    point = lightcurve(table, kind="p", bin="night")
    assert point["q_err"][0] == pytest.approx(np.hypot(0.005 / 5, 0.003), rel=1e-6)
    assert point["p"][0] == pytest.approx(0.1, abs=2e-4)
    assert point["chi"][0].value == pytest.approx(np.degrees(0.5 * np.arctan2(0.06, 0.08)))
    assert point["n"][0] == 25


def test_without_the_host_galaxy():
    table = measurements()
    table["mag_corr"], table["mag_corr_err"] = table["mag"] + 0.2, 0.03
    table["p_corr"], table["p_corr_err"] = 0.12, 0.005
    table["dilution"], table["dilution_err"] = 1.2, 0.01
    table["mag_corr"][5] = table["p_corr"][5] = np.nan
    mags = lightcurve(table, host_corrected=True)
    assert len(mags) == 5
    assert mags["mag"][0].value == pytest.approx(13.2)
    pol = lightcurve(table, kind="p", host_corrected=True)
    assert pol["p"][0] == pytest.approx(0.12)
    assert pol["q"][0] == pytest.approx(0.096)
    assert pol["q_err"][0] == pytest.approx(np.hypot(0.0048, 0.08 * 0.01))
    assert pol["chi"][0].value == pytest.approx(18.4)
    assert pol["p_high"][0] == pytest.approx(0.104 * 1.2)
    binned = lightcurve(table, kind="p", host_corrected=True, bin="night", instruments="DIPOL")
    assert binned["p"][0] == pytest.approx(0.12, abs=5e-4)


@pytest.mark.parametrize("kind", ["mag", "p"])
def test_the_light_of_the_galaxy_is_as_wrong_in_every_point(kind):
    """Magnitude and polarization of a nucleus, noise and a wrong host galaxy: the mean covers."""
    rng = np.random.default_rng(6)
    nucleus, host, host_err, n = 8.0, 4.0, 0.05, 16
    q0, u0 = 0.08, 0.06
    pulls = []
    for _ in range(120):
        assumed = host * (1.0 + host_err * rng.standard_normal())
        err = 0.01 * (nucleus + host)
        flux = nucleus + host + err * rng.standard_normal(n)
        left, factor = flux - assumed, flux / (flux - assumed)
        table = measurements(n, instrument=["DIPOL"] * n, night=["2022-09-18"] * n)
        table["mag_err_common"] = 0.0
        table["mag_corr"] = -2.5 * np.log10(left)
        table["mag_corr_err"] = 1.0857 * np.hypot(err, host_err * assumed) / left
        for name, value in (("q", q0), ("u", u0)):
            table[name] = value * nucleus / (nucleus + host) + 1e-3 * rng.standard_normal(n)
            table[f"{name}_err"] = table[f"{name}_err_random"] = 1e-3
        table["dilution"], table["host_err"] = factor, host_err
        table["dilution_err"] = np.hypot(assumed * err, flux * host_err * assumed) / left**2
        table["p_corr"], table["p_corr_err"] = 0.1, 0.01
        point = lightcurve(table, kind=kind, host_corrected=True, bin="night")[0]
        if kind == "mag":
            off = point["mag"].value + 2.5 * np.log10(nucleus)
            pulls.append(off / point["mag_err"].value)
        else:
            pulls.append((point["q"] - q0) / point["q_err"])
    assert np.mean(np.abs(pulls) < 1.0) == pytest.approx(0.683, abs=0.13)
    assert 0.75 < np.std(pulls) < 1.25


def test_measurements_are_asked_of_whoever_provides_them():
    before = list(_provider)
    try:
        provide_measurements(lambda source, band: measurements())
        assert len(lightcurve("BL Lac", "R")) == 6
        assert lightcurve("BL Lac", "R").meta["source"] == "BL Lac"
    finally:
        _provider[:] = before


def test_nothing_left_is_an_empty_curve():
    table = measurements(flags=["BAD_PHOTOMETRY"] * 6)
    assert len(lightcurve(table)) == 0
    assert len(lightcurve(table, bin="night")) == 0
