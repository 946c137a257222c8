"""Host galaxies in results: corrected, refused with the reason, never extrapolated in time."""

import numpy as np
import pytest

from polarnight.photometry.hosts import flux_of_magnitude, load_host_tables
from polarnight.pipeline.groups.host_light import host_correction
from polarnight.pipeline.lightcurves.host_magnitudes import magnitude_at

TABLE = load_host_tables()["BL Lacertae"]
VALUES = {"mag": 14.0, "mag_err": 0.02, "p": 0.10, "p_err": 0.004, "aperas": 6.0, "fwhm": 4.0}


def test_magnitude_and_polarization_are_those_of_the_nucleus():
    found = host_correction(VALUES, "R", TABLE)
    flux, _ = flux_of_magnitude(14.0, 0.02)
    assert found.flag == "HOST_CORRECTED"
    assert found.values["mag_corr"] == pytest.approx(14.0 - 2.5 * np.log10((flux - 1.22) / flux))
    assert found.values["p_corr"] == pytest.approx(0.10 * flux / (flux - 1.22))
    assert found.values["mag_corr_err"] > 0.02
    assert found.values["p_corr_err"] > 0.004 * flux / (flux - 1.22)
    assert found.evidence["flux_mJy"] == pytest.approx(1.22)


def test_only_r_and_only_sources_with_a_table():
    assert host_correction(VALUES, "V", TABLE) is None
    assert host_correction(VALUES, "R", None) is None
    assert host_correction({"mag": None, "p": None}, "R", TABLE) is None
    assert "p_corr" not in host_correction({**VALUES, "p": None}, "R", TABLE).values


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fwhm": 9.0}, "seeing lies outside"),
        ({"aperas": 11.0}, "aperture radius lies outside"),
        ({"mag": 16.1}, "too little is left"),
        ({"mag": None}, "no magnitude"),
    ],
)
def test_refused_with_the_reason(changes, reason):
    found = host_correction({**VALUES, **changes}, "R", TABLE)
    assert found.flag == "HOST_REFUSED"
    assert found.values == {}
    assert reason in found.evidence["refused"]


SERIES = [(100.0, 14.0, 0.02), (100.1, 14.2, 0.04), (103.0, 15.0, 0.01)]


def test_magnitudes_are_interpolated_within_the_time_declared():
    mag, error, remark = magnitude_at(100.025, SERIES, 0.2)
    assert mag == pytest.approx(14.05)
    assert error == pytest.approx(np.hypot(0.75 * 0.02, 0.25 * 0.04))
    assert remark["minutes"] == [-36.0, 108.0]
    mag, error, remark = magnitude_at(100.025, SERIES, 0.05)  # the later one is too late
    assert (mag, error) == (14.0, 0.02)
    assert remark["magnitude"] == "nearest measurement"
    assert magnitude_at(102.99, SERIES, 0.05)[:2] == (15.0, 0.01)


@pytest.mark.parametrize("jd", [99.9, 101.5, 104.0])
def test_nothing_is_extrapolated_in_time(jd):
    assert magnitude_at(jd, SERIES, 0.05) is None
