"""Coverage at flux level, from p = 0 to 20 % and from faint to bright."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

_SPEC = importlib.util.spec_from_file_location(
    "coverage_flux", Path(__file__).with_name("coverage_flux.py")
)
coverage_flux = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = coverage_flux  # dataclasses look their module up
_SPEC.loader.exec_module(coverage_flux)

Tally = coverage_flux.Tally


def rows(mode):
    degrees = coverage_flux.POLARIZATIONS if mode != "photometry" else (0.0,)
    return [(p, snr) for p in degrees for snr in coverage_flux.BRIGHTNESS]


@pytest.mark.parametrize("mode", coverage_flux.MODES)
def test_coverage_of_a_mode(mode):
    """A small version: three times the sampling error around the nominal fraction."""
    total = Tally.empty()
    for p, snr in rows(mode):
        total.add(coverage_flux.run_row(mode, p, snr, 300 if mode == "photometry" else 60, seed=3))
    n = len(total.pulls["mag"])
    assert n >= 1500
    error = np.sqrt(0.683 * 0.317 / n)
    for name in total.pulls:
        assert total.coverage(name) == pytest.approx(0.6827, abs=3 * error), name
        assert total.coverage(name, 2.0) == pytest.approx(0.9545, abs=3 * 0.46 * error), name
        assert abs(total.bias(name)) < 0.1, name
    for name in total.hits:
        assert total.coverage(name) == pytest.approx(0.68, abs=3 * error), name


@pytest.mark.slow
@pytest.mark.parametrize("mode", coverage_flux.MODES)
def test_coverage_holds_at_every_polarization_and_brightness(mode):
    """At least 5000 cases for each polarization, each brightness and the whole mode."""
    each = 10_000 if mode == "photometry" else 2000
    tallies = {row: coverage_flux.run_row(mode, *row, each) for row in rows(mode)}
    margins = {"all": Tally.empty()}
    for (p, snr), tally in tallies.items():
        for name in ("all", f"p = {p}", f"S/N = {snr}"):
            margins.setdefault(name, Tally.empty()).add(tally)
    for where, tally in margins.items():
        for name in tally.pulls:
            assert 0.66 <= tally.coverage(name) <= 0.70, (where, name)
            assert 0.945 <= tally.coverage(name, 2.0) <= 0.963, (where, name)
            assert abs(tally.bias(name)) < 0.1, (where, name)
        for name in tally.hits:
            assert 0.66 <= tally.coverage(name) <= 0.70, (where, name)


def test_beam_gain_fit_covers():
    """With a gain of 6 % between the beams and clouds, k fitted."""
    rng = np.random.default_rng(5)
    tally = Tally.empty()
    for _ in range(1500):
        coverage_flux.stokes_case(rng, "half-wave plate", 0.05, 200.0, tally, beam_gain=True)
    for name in ("q", "u"):
        assert tally.coverage(name) == pytest.approx(0.6827, abs=0.036)
        assert abs(tally.bias(name)) < 0.1
