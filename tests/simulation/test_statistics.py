"""Measured with the true detector, the frames give back their truth within photon noise.

The reduction here uses what only the simulation knows (bias, flat field, positions), so that
nothing but Poisson and read noise is left: each difference from the truth, divided by its
expected error, must be a normal deviate.
"""

import numpy as np
import pytest

from polarnight.frames import ImageType, ObsMode
from polarnight.simulation import NightSimulator, make_options
from polarnight.simulation.detector import make_flat

QUIET = {
    "hot_pixels": False, "cosmic_rays": False, "sky_gradient": 0.0, "psf": "gaussian",
    "flat_stars": 0, "n_photometry": 2, "n_cycles": 1, "n_bias": 0, "n_flats": 0,
}  # fmt: skip


def simulator(name, **options):
    night = {"AndorT90": "2022-09-18", "CAFOS2.2": "2025-09-13"}[name]
    return NightSimulator(name, night, 11, make_options(name, "grid", QUIET | options))


def fluxes(night, exposure, suffix=""):
    """Square apertures of 8 sigma about the true positions: flux, error and truth in ADU."""
    rendered = night.render(exposure)
    truth, camera = rendered.truth, night.camera
    flat = night.flat(exposure).astype(float)
    dark = night.chip.dark * exposure.exptime / camera.gain
    signal = rendered.data - night.chip.bias.astype(float) - dark - truth["sky_adu"] * flat
    signal -= truth["bias_offset_adu"]
    expected = truth["sky_adu"] * flat + dark
    half = int(np.ceil(4.0 * truth["fwhm_px"] / 2.3548)) + 1
    rows = []
    for x, y, flux in zip(*(truth[k + suffix] for k in ("x", "y", "flux_adu")), strict=True):
        ix, iy = round(x), round(y)
        box = (slice(iy - half, iy + half + 1), slice(ix - half, ix + half + 1))
        if (
            iy - half < 3
            or ix - half < 3
            or iy + half >= flat.shape[0]
            or ix + half >= flat.shape[1]
        ):
            continue
        weight = 1.0 / flat[box]
        noise = camera.read_noise**2 / camera.gain**2 + 1.0 / 12.0
        variance = ((expected[box] / camera.gain + noise) * weight**2).sum()
        variance += flux / camera.gain * np.average(weight)
        rows.append(((signal[box] * weight).sum(), np.sqrt(variance), flux))
    return np.array(rows).T


@pytest.mark.parametrize("name", ["AndorT90", "CAFOS2.2"])
def test_star_fluxes_scatter_by_photon_and_read_noise(name):
    night = simulator(name, size=700)
    pulls = []
    for exposure in night.plan:
        if exposure.obsmode is ObsMode.PHOTOMETRY:
            flux, error, truth = fluxes(night, exposure)
            pulls.append((flux - truth) / error)
    pulls = np.concatenate(pulls)
    n = len(pulls)
    assert n > 250
    assert abs(pulls.mean()) < 4.0 / np.sqrt(n)
    assert abs(pulls.std() - 1.0) < 4.0 / np.sqrt(2 * n)
    assert 0.62 < np.mean(np.abs(pulls) < 1.0) < 0.75


def test_stokes_parameters_of_the_two_beams():
    night = simulator("CAFOS2.2", ip_scatter=0.0)
    ratio, error, design = [], [], []
    for exposure in night.plan:
        if exposure.obsmode is not ObsMode.POLARIMETRY:
            continue
        o, so, _ = fluxes(night, exposure)
        e, se, _ = fluxes(night, exposure, "_e")
        assert len(o) == len(e)
        ratio.append((e - o) / (e + o))
        error.append(2.0 * np.hypot(e * so, o * se) / (e + o) ** 2)
        theta = 4.0 * np.deg2rad(exposure.rotangle)
        design.append((np.cos(theta), np.sin(theta)))
    ratio, error, design = np.array(ratio), np.array(error), np.array(design)
    turn = np.exp(2j * np.deg2rad(-1.5))
    pulls = []
    for i in range(ratio.shape[1]):
        w = 1.0 / error[:, i] ** 2
        cov = np.linalg.inv(design.T @ (w[:, None] * design))
        q, u = cov @ design.T @ (w * ratio[:, i])
        seen = (q + 1j * u) * turn
        truth = night.sky.q[i] + 1j * night.sky.u[i]
        pulls += [
            (seen.real - truth.real) / np.sqrt(cov[0, 0]),
            (seen.imag - truth.imag) / np.sqrt(cov[1, 1]),
        ]
    pulls = np.array(pulls)
    assert len(pulls) > 300
    assert abs(pulls.mean()) < 0.2
    assert abs(pulls.std() - 1.0) < 0.15


def test_stokes_parameters_of_the_polaroids():
    night = simulator("AndorT90", ip_scatter=0.0, extinction=False, seeing_scatter=0.0)
    f, s = {}, {}
    for exposure in night.plan:
        if exposure.obsmode is ObsMode.POLARIMETRY:
            f[exposure.rotangle], s[exposure.rotangle], _ = fluxes(night, exposure)
    turn = np.exp(2j * np.deg2rad(-18.0))
    pair = {}
    for key, (a, b) in {"q": (0.0, 90.0), "u": (45.0, -45.0)}.items():
        value = (f[a] - f[b]) / (f[a] + f[b])
        sigma = 2.0 * np.hypot(f[b] * s[a], f[a] * s[b]) / (f[a] + f[b]) ** 2
        pair[key] = value, sigma
    seen = (pair["q"][0] - 0.0579 + 1j * (pair["u"][0] - 0.0583)) * turn
    a = np.deg2rad(-36.0)
    sq = np.hypot(pair["q"][1] * np.cos(a), pair["u"][1] * np.sin(a))
    su = np.hypot(pair["q"][1] * np.sin(a), pair["u"][1] * np.cos(a))
    pulls = np.concatenate([(seen.real - night.sky.q) / sq, (seen.imag - night.sky.u) / su])
    assert len(pulls) > 500
    assert abs(pulls.mean()) < 0.2
    assert abs(pulls.std() - 1.0) < 0.12


def test_zero_point_turns_flux_into_magnitude():
    night = simulator("AndorT90", size=400)
    exposure = next(e for e in night.plan if e.obsmode is ObsMode.PHOTOMETRY)
    truth = night.render(exposure).truth
    mags = truth["zero_point"] - 2.5 * np.log10(np.array(truth["flux_adu"]) / exposure.exptime)
    np.testing.assert_allclose(mags, night.sky.mags["R"][truth["source"]], atol=1e-6)


def test_the_telescope_gathers_as_much_light_as_it_should():
    # R = 15 in 60 s at the 0.9 m: a signal-to-noise ratio of about 300.
    night = simulator("AndorT90", mag_range=(15.0, 15.0), size=400, extinction=False)
    exposure = next(e for e in night.plan if e.obsmode is ObsMode.PHOTOMETRY)
    _, _, truth = fluxes(night, exposure)
    electrons = truth[0] * night.camera.gain
    # Sky and read noise of a circle of 3 sigma, the aperture of the pipeline.
    rendered = night.render(exposure).truth
    area = np.pi * (3.0 * rendered["fwhm_px"] / 2.3548) ** 2
    noise = np.sqrt(
        electrons + area * (rendered["sky_adu"] * night.camera.gain + night.camera.read_noise**2)
    )
    assert 240 < electrons / noise < 330


def test_flats_have_their_level_and_shape():
    night = simulator("AndorT90", n_flats=1, size=300)
    exposure = next(e for e in night.plan if e.imgtype is ImageType.FLAT)
    rendered = night.render(exposure)
    raw = rendered.data - night.chip.bias - rendered.truth["bias_offset_adu"]
    flat = make_flat(night.camera, night.chip, exposure.light_path)
    noise = np.sqrt(exposure.level * flat / night.camera.gain + (8.0 / 4.5) ** 2 + 1 / 12)
    pulls = (raw - exposure.level * flat) / noise
    assert abs(pulls.std() - 1.0) < 4.0 / np.sqrt(2) / 300
    assert abs(pulls.mean()) < 4.0 / 300


def test_grid_sources_are_isolated():
    for name, nearest in (("AndorT90", 25.0), ("CAFOS2.2", 14.0)):
        night = simulator(name)
        exposure = night.plan[-1]
        truth = night.render(exposure).truth
        x, y = list(truth["x"]), list(truth["y"])
        if "x_e" in truth:
            x, y = x + truth["x_e"], y + truth["y_e"]
        d = np.hypot(np.subtract.outer(x, x), np.subtract.outer(y, y)) + 1e9 * np.eye(len(x))
        assert d.min() > nearest
        assert len(night.sky) >= 200
