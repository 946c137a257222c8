"""Cosmic rays: short tracks of charge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["add_cosmic_rays"]


def add_cosmic_rays(
    electrons: npt.NDArray[np.float32], expected: float, rng: np.random.Generator
) -> int:
    """Add cosmic rays to an image of expected electrons in place.

    Parameters
    ----------
    electrons : ndarray of float32, shape (ny, nx)
    expected : float
        Mean number of hits; the actual one is Poissonian.
    rng : numpy.random.Generator

    Returns
    -------
    int
        Number of hits. Tracks are straight, one pixel wide, of exponential length (mean 3
        pixels); each pixel of a track gathers some 300 to 5000 electrons.
    """
    ny, nx = electrons.shape
    n = int(rng.poisson(expected))
    for _ in range(n):
        x, y = rng.uniform(0, nx), rng.uniform(0, ny)
        angle = rng.uniform(0.0, 2.0 * np.pi)
        steps = np.arange(0.0, 1.0 + rng.exponential(3.0), 0.7)
        xs = np.floor(x + steps * np.cos(angle)).astype(int)
        ys = np.floor(y + steps * np.sin(angle)).astype(int)
        inside = (xs >= 0) & (xs < nx) & (ys >= 0) & (ys < ny)
        pixels = np.unique(np.stack([ys[inside], xs[inside]]), axis=1)
        electrons[pixels[0], pixels[1]] += np.float32(300.0 * (1.0 + rng.pareto(1.5)))
    return n
