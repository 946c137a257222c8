"""Skies for the scenarios: two known fields and a field of isolated test sources."""

from __future__ import annotations

from typing import Final

import numpy as np

from polarnight.errors import ConfigError
from polarnight.simulation.optics import Optics
from polarnight.simulation.seeds import generator
from polarnight.simulation.sky import FloatArray, Sky
from polarnight.simulation.targets import Target

__all__ = ["grid_field", "target_field"]

_BANDS: Final = ("U", "B", "V", "R", "I")


def target_field(
    target: Target,
    *,
    radius_deg: float,
    n_stars: int,
    n_calibrators: int,
    mag_range: tuple[float, float],
    calibrator_mags: tuple[float, float],
    calibrator_radius_deg: float,
    isolation_deg: float,
) -> Sky:
    """Return the sky about a target; the same one whenever the arguments are the same.

    Parameters
    ----------
    target : Target
    radius_deg : float
        Half the side of the square that is filled with stars.
    n_stars : int
        Field stars, calibrators included.
    n_calibrators : int
    mag_range : tuple of float
        R magnitudes of field stars; their number grows as 10^(0.3 R).
    calibrator_mags : tuple of float
        R magnitudes among which calibrators are chosen.
    calibrator_radius_deg : float
        They lie within this distance of the target.
    isolation_deg : float
        No other field star comes as near as this to the target or a calibrator.

    Raises
    ------
    ConfigError
        Where so many calibrators do not fit.
    """
    rng = generator("sky", target.name, n_stars)
    xi, eta = rng.uniform(-radius_deg, radius_deg, (2, n_stars))
    share = rng.uniform(size=n_stars)
    low, high = (10.0 ** (0.3 * m) for m in mag_range)
    r_mag = np.log10(low + share * (high - low)) / 0.3
    far = np.hypot(xi, eta) > isolation_deg
    r_mag[~far] = np.nan
    # Calibrators are placed: evenly in brightness, at random but isolated from one another.
    cal_xi, cal_eta = _scatter(rng, n_calibrators, calibrator_radius_deg, 2.0 * isolation_deg)
    for cx, cy in zip(cal_xi, cal_eta, strict=True):
        r_mag[np.hypot(xi - cx, eta - cy) < isolation_deg] = np.nan
    keep = np.isfinite(r_mag)
    xi, eta = np.concatenate([cal_xi, xi[keep]]), np.concatenate([cal_eta, eta[keep]])
    r_mag = np.concatenate([np.linspace(*calibrator_mags, n_calibrators), r_mag[keep]])
    n = len(xi)
    plane = Optics(target.ra, target.dec, 3600.0, 0.0, False, (1, 1))
    ra, dec = plane.sky(-xi, eta)
    p = 0.01 * rng.uniform(0.0, 1.0, n)
    chi = rng.uniform(0.0, np.pi, n)
    mags = _colours(r_mag, rng)
    role = np.array(["target"] + ["calibrator"] * n_calibrators + ["star"] * (n - n_calibrators))
    names = [target.name]
    names += [f"{target.name} {_letters(i)}" for i in range(n_calibrators)]
    names += [f"F{i + 1:04d}" for i in range(n - n_calibrators)]
    turn = np.deg2rad(2.0 * target.chi)
    return Sky.from_columns(
        name=np.array(names),
        role=role,
        srctype=np.array([target.srctype] + ["star"] * n),
        other_names=np.array([target.other_names] + [""] * n),
        ra=np.append(target.ra, ra),
        dec=np.append(target.dec, dec),
        mags={b: np.append(target.mags[i], mags[b]) for i, b in enumerate(_BANDS)},
        q=np.append(target.p * np.cos(turn), p * np.cos(2.0 * chi)),
        u=np.append(target.p * np.sin(turn), p * np.sin(2.0 * chi)),
    )


def grid_field(
    optics: Optics,
    rng: np.random.Generator,
    *,
    spacing: tuple[float, float],
    border: tuple[float, float, float, float],
    n_sources: int | None,
    mag_range: tuple[float, float],
    p_range: tuple[float, float],
    n_calibrators: int,
    shape: tuple[int, int] | None = None,
) -> Sky:
    """Return isolated sources on a shaken grid: test cases, all in one frame.

    Parameters
    ----------
    optics : Optics
        Projection of the frames.
    rng : numpy.random.Generator
    spacing : tuple of float
        (x, y) distances of the grid, pixels; each source is displaced at random by up to
        a tenth of it.
    border : tuple of float
        Pixels left free at the left, right, bottom and top.
    n_sources : int or None
        So many at most, chosen at random; None for all that fit.
    mag_range : tuple of float
        R magnitudes, uniform.
    p_range : tuple of float
        Degrees of polarization, uniform; angles are uniform too.
    n_calibrators : int
        The brightest sources serve as calibrators.
    shape : tuple of int, optional
        (rows, columns) to fill, where the frame is a window of that of `optics`.
    """
    ny, nx = shape or optics.shape
    dx, dy = spacing
    left, right, bottom, top = border
    gx, gy = np.meshgrid(
        np.arange(left + dx / 2.0, nx - right - dx / 2.0 + 1e-9, dx),
        np.arange(bottom + dy / 2.0, ny - top - dy / 2.0 + 1e-9, dy),
    )
    x, y = gx.ravel(), gy.ravel()
    if n_sources is not None and n_sources < len(x):
        chosen = np.sort(rng.permutation(len(x))[:n_sources])
        x, y = x[chosen], y[chosen]
    n = len(x)
    x = x + 0.1 * dx * rng.uniform(-1.0, 1.0, n)
    y = y + 0.1 * dy * rng.uniform(-1.0, 1.0, n)
    ra, dec = optics.sky(x, y)
    r_mag = rng.uniform(*mag_range, n)
    p, chi = rng.uniform(*p_range, n), rng.uniform(0.0, np.pi, n)
    role = np.full(n, "target", dtype="<U10")
    role[np.argsort(r_mag, kind="stable")[:n_calibrators]] = "calibrator"
    return Sky.from_columns(
        name=np.array([f"N{i + 1:04d}" for i in range(n)]),
        role=role,
        ra=ra,
        dec=dec,
        mags=_colours(r_mag, rng),
        q=p * np.cos(2.0 * chi),
        u=p * np.sin(2.0 * chi),
    )


def _colours(r_mag: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Return U B V R I of stars from R and one random spectral type each."""
    kind = rng.uniform(0.0, 1.0, len(r_mag))  # 0: F star, 1: early M star
    v = r_mag + 0.25 + 0.65 * kind
    b = v + 0.40 + 1.05 * kind
    return {
        "U": b + 1.15 * kind,
        "B": b,
        "V": v,
        "R": r_mag.copy(),
        "I": r_mag - 0.28 - 0.70 * kind,
    }


def _scatter(
    rng: np.random.Generator, n: int, radius: float, distance: float
) -> tuple[FloatArray, FloatArray]:
    """Return n places in a disc, no nearer to one another and to its middle than `distance`."""
    xs, ys = [0.0], [0.0]
    for _ in range(100_000):
        if len(xs) > n:
            break
        r, a = radius * np.sqrt(rng.uniform()), rng.uniform(0.0, 2.0 * np.pi)
        x, y = float(r * np.cos(a)), float(r * np.sin(a))
        if min(np.hypot(x - px, y - py) for px, py in zip(xs, ys, strict=True)) > distance:
            xs.append(x)
            ys.append(y)
    else:
        msg = f"n_calibrators = {n} do not fit, {distance:.4f} deg apart, into the frame"
        raise ConfigError(msg)
    return np.array(xs[1:]), np.array(ys[1:])


def _letters(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"A{index}"
