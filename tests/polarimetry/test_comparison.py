"""All methods side by side: the truth where it is exact, and words where one does not apply."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.polarimetry import CycleFluxes, compare_methods, fit_polaroids, modulation

Q, U = 0.03, -0.02
PLATE = np.arange(8) * 22.5
FOUR = np.array([0.0, 45.0, 90.0, 135.0])


def plate(kind="half-wave plate", gain=1.0, angle=PLATE, missing=""):
    turn = np.radians(angle) * 4.0
    wave = Q * np.cos(turn) + U * np.sin(turn)
    flux = {"O": 5e4 * (1.0 - wave), "E": gain * 5e4 * (1.0 + wave)}
    if missing:
        flux[missing] = np.full(len(angle), np.nan)
    error = {beam: np.full(len(angle), 100.0) for beam in flux}
    return CycleFluxes(kind, angle, flux, error)


def test_every_method_of_a_half_wave_plate_finds_the_truth():
    methods = {method.name: method for method in compare_methods(plate())}
    assert list(methods) == [
        "fit with beam gain", "fit without beam gain", "ratios",
        "ordinary beam alone", "extraordinary beam alone",
    ]  # fmt: skip
    for name, method in methods.items():
        assert (method.stokes.q, method.stokes.u) == pytest.approx((Q, U), abs=1e-9), name
        assert np.abs(method.residuals).max() < 1e-9, name


def test_a_gain_shows_where_it_is_not_fitted():
    methods = {method.name: method for method in compare_methods(plate(gain=1.1))}
    with_gain, without = methods["fit with beam gain"], methods["fit without beam gain"]
    assert np.abs(with_gain.residuals).max() < 1e-9
    assert with_gain.stokes.k == pytest.approx(0.1 / 2.1)
    # All points lie above a curve that may not be shifted.
    assert without.residuals.mean() == pytest.approx(0.1 / 2.1, rel=0.01)


def test_one_beam_and_too_few_angles():
    names = [method.name for method in compare_methods(plate(missing="O"))]
    assert names == ["extraordinary beam alone"]
    few = {method.name: method for method in compare_methods(plate(angle=PLATE[:3]))}
    assert few["ratios"].stokes is None
    assert "0, 22.5, 45 and 67.5" in few["ratios"].refused
    assert few["ordinary beam alone"].stokes is not None


def test_polaroids_by_pairs_and_by_a_wave():
    flux = 5e4 * (1.0 + Q * np.cos(2 * np.radians(FOUR)) + U * np.sin(2 * np.radians(FOUR)))
    cycle = CycleFluxes("polaroids", FOUR, {"O": flux}, {"O": np.sqrt(flux)})
    pairs, wave = compare_methods(cycle)
    assert pairs.stokes.method == "polaroid pairs"
    assert wave.stokes.method == "polaroid fit"
    for method in (pairs, wave):
        assert (method.stokes.q, method.stokes.u) == pytest.approx((Q, U), abs=1e-6)
        assert method.points.value == pytest.approx(flux / 5e4 - 1.0, abs=1e-6)
    assert fit_polaroids(FOUR, flux, np.sqrt(flux), pairs=False).q == wave.stokes.q


def test_the_curve_of_a_quarter_wave_plate_is_that_of_its_fit():
    angle = np.arange(8) * 22.5
    turn = np.radians(2.0 * angle)
    wave = Q * np.cos(turn) ** 2 + U * np.sin(turn) * np.cos(turn) + 0.05 * np.sin(turn)
    flux = {"O": 5e4 * (1.0 - wave), "E": 5e4 * (1.0 + wave)}
    error = {beam: np.full(8, 100.0) for beam in flux}
    cycle = CycleFluxes("quarter-wave plate", angle, flux, error)
    for method in compare_methods(cycle):
        assert method.stokes.v == pytest.approx(0.05, abs=1e-9)
        assert modulation(cycle, method.stokes, angle) == pytest.approx(wave, abs=1e-9)
