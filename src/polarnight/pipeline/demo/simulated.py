"""Simulated nights with the catalogues that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polarnight.simulation import read_truth, simulate_night, sky_of_truth, write_catalogues

__all__ = ["SimulatedNight", "simulate_to_directory"]


@dataclass(frozen=True)
class SimulatedNight:
    """Where a simulated night lies.

    Attributes
    ----------
    directory : Path
        Of the raw frames.
    truth : Path
        What is true of the sky and the frames.
    stars, sources : Path
        Files for ``polarnight stars import`` and ``polarnight sources import``.
    frames : int
        Number of raw frames that were written.
    bands : tuple of str
        Bands of the star catalogue.
    """

    directory: Path
    truth: Path
    stars: Path
    sources: Path
    frames: int
    bands: tuple[str, ...]


def simulate_to_directory(
    instrument: str, night: str, seed: int, output: Path, **options: Any
) -> SimulatedNight:
    """Write a simulated night and its catalogues.

    Parameters
    ----------
    instrument : str
        Plug-in name.
    night : str
        Date (ISO) at the start of the night.
    seed : int
    output : Path
        Gets a directory named after the instrument.
    **options
        Of `polarnight.simulation.simulate_night`.

    Raises
    ------
    ConfigError
        Where there is a simulated night already, or an option makes no sense.
    """
    place = Path(output) / instrument
    truth_path = simulate_night(instrument, night, seed, place, **options)
    truth = read_truth(truth_path)
    sky = sky_of_truth(truth)
    stars, sources = write_catalogues(sky, place, night)
    return SimulatedNight(
        directory=place / night,
        truth=truth_path,
        stars=stars,
        sources=sources,
        frames=sum(not frame["missing"] for frame in truth["frames"]),
        bands=tuple(sky.mags),
    )
