"""Coverage of magnitudes and Stokes parameters over simulated fluxes.

Prints a table of every mode, polarization and brightness::

    python tests/acceptance/coverage_flux.py [cases per row]

Each case draws photons and detector noise of the exposures of one measurement, measures it as
the pipeline does (errors estimated from the noisy fluxes themselves, calibrators, instrumental
polarization drawn from its quoted errors) and asks whether the truth lies within the errors.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from polarnight.photometry import instrumental_magnitude, zero_point
from polarnight.polarimetry import (
    InstrumentalPolarization,
    Polarization,
    correct,
    fit_half_wave_plate,
    fit_polaroids,
)

MODES = ("photometry", "polaroids", "half-wave plate")
POLARIZATIONS = (0.0, 0.005, 0.02, 0.08, 0.20)
# Mean signal-to-noise of one exposure of the source, faint to bright.
BRIGHTNESS = (10.0, 30.0, 100.0, 400.0, 1500.0)
GAIN = 1.45
EXPTIME = 60.0
CATALOGUE_ERR = 0.015

AHEAD = {
    "polaroids": InstrumentalPolarization(
        0.0579, 0.0583, 0.003, 0.0023, -18.0, 0.001, 1.0, 0.0, "quoted for OSN"
    ),
    "half-wave plate": InstrumentalPolarization(
        0.0, 0.0, 0.0005, 0.0005, -1.5, 1.5, 1.0, 0.0, "quoted for CAFOS"
    ),
}


@dataclass
class Tally:
    """Deviations over errors, and hits of intervals."""

    pulls: dict[str, list[float]]
    hits: dict[str, list[bool]]

    @classmethod
    def empty(cls):
        return cls({}, {})

    def pull(self, name, measured, truth, error):
        self.pulls.setdefault(name, []).append((measured - truth) / error)

    def hit(self, name, inside):
        self.hits.setdefault(name, []).append(bool(inside))

    def add(self, other):
        for name, values in other.pulls.items():
            self.pulls.setdefault(name, []).extend(values)
        for name, values in other.hits.items():
            self.hits.setdefault(name, []).extend(values)

    def coverage(self, name, nsigma=1.0):
        if name in self.hits:
            return float(np.mean(self.hits[name]))
        return float(np.mean(np.abs(self.pulls[name]) <= nsigma))

    def bias(self, name):
        return float(np.mean(self.pulls[name]))


def background_noise(snr):
    """Noise in electrons of sky and readout that makes the exposure sky-limited when faint."""
    return 60.0 if snr < 50 else 25.0


def mean_electrons(snr):
    """Electrons at which ``N/sqrt(N + noise^2)`` is `snr`."""
    noise = background_noise(snr)
    return 0.5 * (snr**2 + np.sqrt(snr**4 + 4.0 * snr**2 * noise**2))


def observe(rng, electrons, noise):
    """ADU and errors of fluxes, the errors estimated from the fluxes as measured."""
    seen = rng.poisson(np.maximum(electrons, 0.0)) + noise * rng.standard_normal(len(electrons))
    return seen / GAIN, np.sqrt(np.maximum(seen, 0.0) + noise**2) / GAIN


def magnitude_case(rng, tally, intensity, intensity_err, truth_electrons):
    """Calibrate a flux with 1 to 12 calibrators of the same frame."""
    n = int(rng.integers(1, 13))
    electrons = rng.uniform(2e4, 1e6, n)
    flux, error = observe(rng, electrons, 25.0)
    m_cal, e_cal = instrumental_magnitude(flux, error, EXPTIME)
    catalogue = -2.5 * np.log10(electrons) + CATALOGUE_ERR * rng.standard_normal(n)
    zp = zero_point(catalogue - m_cal, np.hypot(e_cal, CATALOGUE_ERR))
    m, e = instrumental_magnitude(intensity, intensity_err, EXPTIME)
    truth = -2.5 * np.log10(truth_electrons)
    tally.pull("mag", float(m) + zp.value, truth, np.hypot(float(e), zp.err))


def measured_by_instrument(rng, mode, q, u):
    """What the instrument makes of sky q, u; its constants drawn from their errors."""
    quoted = AHEAD[mode]
    turn = np.radians(2.0 * (quoted.zero_angle + quoted.zero_angle_err * rng.standard_normal()))
    z = (q + 1j * u) * np.exp(-1j * turn)
    q0 = quoted.q0 + quoted.q0_err * rng.standard_normal()
    u0 = quoted.u0 + quoted.u0_err * rng.standard_normal()
    return z.real + q0, z.imag + u0


def stokes_case(rng, mode, p, snr, tally, beam_gain=False):
    """One polarimetric cycle."""
    chi = rng.uniform(0.0, 180.0)
    q, u = p * np.cos(np.radians(2 * chi)), p * np.sin(np.radians(2 * chi))
    qi, ui = measured_by_instrument(rng, mode, q, u)
    base, noise = mean_electrons(snr), background_noise(snr)
    if mode == "polaroids":
        angles = np.array([-45.0, 0.0, 45.0, 90.0])
        phi = np.radians(2 * angles)
        flux, error = observe(rng, base * (1 + qi * np.cos(phi) + ui * np.sin(phi)), noise)
        raw = fit_polaroids(angles, flux, error)
    else:
        plate = np.array([0.0, 22.48, 44.98, 67.48])
        turn = np.radians(4 * plate)
        wave = qi * np.cos(turn) + ui * np.sin(turn)
        clouds = 1.0 if not beam_gain else rng.uniform(0.8, 1.0, 4)
        gain = 1.06 if beam_gain else 1.0
        o, o_err = observe(rng, clouds * base * (1 - wave), noise)
        e, e_err = observe(rng, clouds * gain * base * (1 + wave), noise)
        raw = fit_half_wave_plate(plate, o, o_err, e, e_err, beam_gain=beam_gain)
    if not beam_gain:
        magnitude_case(rng, tally, raw.intensity, raw.intensity_err, 2 * base)
    sky = correct(raw, AHEAD[mode])
    tally.pull("q", sky.q, q, sky.q_err)
    tally.pull("u", sky.u, u, sky.u_err)
    pol = Polarization.from_stokes(sky)
    tally.hit("p", abs(pol.p - p) <= pol.p_err)
    tally.hit("p interval", pol.p_low <= p <= pol.p_high)
    # At p = 0 any angle is as true as another; the drawn one stands for all.
    off = (pol.chi - chi + 90.0) % 180.0 - 90.0
    tally.hit("chi", abs(off) <= pol.chi_err)


def photometry_case(rng, snr, tally):
    """One exposure."""
    base = mean_electrons(snr)
    flux, error = observe(rng, np.array([base]), background_noise(snr))
    magnitude_case(rng, tally, flux[0], error[0], base)


def run_row(mode, p, snr, cases, seed=2):
    """Tally of one row of the table."""
    rng = np.random.default_rng([seed, MODES.index(mode), int(1e4 * p), int(snr)])
    tally = Tally.empty()
    for _ in range(cases):
        if mode == "photometry":
            photometry_case(rng, snr, tally)
        else:
            stokes_case(rng, mode, p, snr, tally)
    return tally


def print_table(cases):
    """Print coverage of every row and of each mode; return the totals by mode."""
    columns = ("mag", "q", "u", "p", "p interval", "chi")
    print(f"{cases} cases a row; coverage at 1 sigma (2 sigma), bias in sigma")
    totals = {}
    for mode in MODES:
        total = totals.setdefault(mode, Tally.empty())
        for p in POLARIZATIONS if mode != "photometry" else (0.0,):
            for snr in BRIGHTNESS:
                row = run_row(mode, p, snr, cases)
                total.add(row)
                print_row(f"{mode:16s} p={100 * p:4.1f}% S/N={snr:6.0f}", row, columns)
        print_row(f"{mode:16s} all {'':14s}", total, columns)
    return totals


def print_row(label, tally, columns):
    """One line."""
    parts = []
    for name in columns:
        if name in tally.pulls:
            one, two = tally.coverage(name), tally.coverage(name, 2.0)
            parts.append(f"{name} {one:.3f} ({two:.3f}) {tally.bias(name):+.3f}")
        elif name in tally.hits:
            parts.append(f"{name} {tally.coverage(name):.3f}")
    print(label, " | ".join(parts), flush=True)


if __name__ == "__main__":
    print_table(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
