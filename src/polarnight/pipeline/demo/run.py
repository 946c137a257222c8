"""The demonstration: a simulated night of each instrument, reduced and compared with the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.astrometry import import_stars
from polarnight.errors import ConfigError
from polarnight.pipeline.context import RunOptions, RunReport
from polarnight.pipeline.demo.simulated import SimulatedNight, simulate_to_directory
from polarnight.pipeline.executor import Task, WorkPool
from polarnight.pipeline.ingest import ingest
from polarnight.pipeline.night import run_nights
from polarnight.progress import track

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = [
    "Comparison",
    "compare_with_truth",
    "fresh_directory",
    "is_finished",
    "mark_finished",
    "reduced_chi2",
    "run_demo",
]

_NIGHTS = (("AndorT90", "2022-09-18"), ("CAFOS2.2", "2025-09-13"))
_MARK = ".polarnight-demo"
_MADE = ("data", "simulated")  # directories below that of the demonstration, besides plots
_PLOTS = ("_light_curve.png", "_polarization.png")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measured number beside its truth.

    Attributes
    ----------
    source, instrument, band : str
    jd : float
    quantity : str
        ``mag``, ``q``, ``u``, ``p`` or ``chi``.
    truth, value, error : float
        Magnitudes, fractions, degrees.
    independent : bool
        Whether it counts in chi-square: p and chi follow from q and u and do not.
    target : bool
        Whether the source is a target and no calibrator.
    mode : str
        ``phot`` or ``pol``.
    """

    source: str
    instrument: str
    band: str
    jd: float
    quantity: str
    truth: float
    value: float
    error: float
    independent: bool
    target: bool
    mode: str = ""

    @property
    def deviation(self) -> float:
        """Measured minus true, in standard errors."""
        difference = self.value - self.truth
        if self.quantity == "chi":
            difference = (difference + 90.0) % 180.0 - 90.0
        return difference / self.error


def fresh_directory(output: Path) -> Path:
    """Return an empty directory for a demonstration.

    That of an earlier demonstration is emptied of what demonstrations make. Any other that
    holds something is refused, and so is one into which somebody has put files of their own.

    Raises
    ------
    ConfigError
        Where the directory holds something that no demonstration made, or is none.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        found = sorted(output.iterdir())
    except OSError as error:
        msg = f"{output} cannot be used: {error.strerror}; choose another --output"
        raise ConfigError(msg) from error
    if found and not (output / _MARK).is_file():
        msg = f"{output} is not empty, and no demonstration made it; choose another --output"
        raise ConfigError(msg)
    foreign = next(_foreign(output, found), None)
    if foreign is not None:
        msg = f"no demonstration made {foreign}; move it away, or choose another --output"
        raise ConfigError(msg)
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    (output / _MARK).write_text("Made by `polarnight demo`, which may empty it again.\n")
    return output


def mark_finished(output: Path, seed: int) -> None:
    """Note that the demonstration in a directory is whole, and of which seed."""
    with (output / _MARK).open("a", encoding="utf-8") as file:
        file.write(f"{_whole(seed)}\n")


def is_finished(output: Path, seed: int) -> bool:
    """Return whether a directory holds the whole demonstration of a seed."""
    mark = output / _MARK
    return mark.is_file() and _whole(seed) in mark.read_text(encoding="utf-8").splitlines()


def _whole(seed: int) -> str:
    return f"Whole, with the seed {seed}."


def _foreign(output: Path, found: Sequence[Path]) -> Iterator[Path]:
    """Yield what somebody else has put into the directory of a demonstration."""
    for path in found:
        made = path.name in {_MARK, *_MADE} or path.name.endswith(_PLOTS)
        if not made or path.is_symlink() or path.is_dir() is not (path.name in _MADE):
            yield path
    # Our own raw frames are links to the simulated ones; copies are frames of the user.
    raw = output / _MADE[0] / "raw"
    yield from (path for path in raw.rglob("*") if path.is_file() and not path.is_symlink())


def run_demo(
    settings: Settings, output: Path, seed: int, *, quiet: bool = False
) -> tuple[RunReport, list[Path]]:
    """Simulate a night of each instrument, ingest both and reduce them.

    Parameters
    ----------
    settings : Settings
        In force, with an empty data directory.
    output : Path
        Where the simulated raw frames go.
    seed : int
    quiet : bool

    Returns
    -------
    report : RunReport
    truths : list of Path
        One truth file for each night.
    """
    from polarnight.db.catalogue import import_sources

    nights = list(_simulate(settings, output / "simulated", seed, quiet))
    for night in nights:
        import_stars(
            night.stars,
            settings.data.stars,
            mags={band: f"mag_{band}" for band in night.bands},
            errors={band: f"mag_{band}_err" for band in night.bands},
            name=f"{night.directory.parent.name}-{night.directory.name}",
        )
        import_sources(night.sources)
    ingest([night.directory for night in nights], "link", settings, quiet=quiet)
    report = run_nights([], RunOptions(all_local=True, quiet=quiet), settings)
    return report, [night.truth for night in nights]


def _simulate(settings: Settings, output: Path, seed: int, quiet: bool) -> Iterator[SimulatedNight]:
    tasks = [
        Task(name, simulate_to_directory, (name, night, seed, output)) for name, night in _NIGHTS
    ]
    with WorkPool("local", settings.workers) as pool:
        finished = track(pool.run(tasks), len(tasks), "simulating nights", quiet=quiet)
        outcomes = {outcome.key: outcome for outcome in finished}
    for name, _ in _NIGHTS:
        error = outcomes[name].error
        if error is not None:
            raise error
        yield outcomes[name].result


def compare_with_truth(truths: Sequence[Path]) -> list[Comparison]:
    """Set every unflagged result of the simulated nights beside its truth.

    Parameters
    ----------
    truths : sequence of Path
        Truth files of `polarnight.simulation.simulate_night`.

    Returns
    -------
    list of Comparison
        In order of instrument, source and time.
    """
    from polarnight.db import PhotoPolResult

    rows: list[Comparison] = []
    for path in truths:
        truth = json.loads(path.read_text(encoding="utf-8"))
        sky = {entry["name"]: entry for entry in truth["sky"]}
        bad = PhotoPolResult.FLAGS.BAD_PHOTOMETRY | PhotoPolResult.FLAGS.SATURATED
        results = PhotoPolResult.objects.filter(
            epoch__telescope=truth["telescope"], epoch__night=truth["night"], flags__hasnot=bad
        ).select_related("astrosource")
        for result in results.order_by("instrument", "astrosource__name", "juliandate"):
            entry = sky.get(result.astrosource.name)
            if entry is not None:
                rows += _compare(result, entry)
    return rows


def _compare(result: Any, truth: dict[str, Any]) -> Iterator[Comparison]:
    def row(quantity: str, true: float, value: Any, error: Any, independent: bool) -> Comparison:
        return Comparison(
            result.astrosource.name,
            result.instrument,
            result.band,
            result.juliandate,
            quantity,
            true,
            float(value),
            float(error),
            independent,
            truth["role"] == "target",
            "phot" if result.reduction == "relphot" else "pol",
        )

    if result.mag is not None:
        yield row("mag", truth["mags"][result.band], result.mag, result.mag_err, True)
    if result.q is not None:
        q, u = truth["q"], truth["u"]
        yield row("q", q, result.q, result.q_err, True)
        yield row("u", u, result.u, result.u_err, True)
        if result.p_limit95 is not None:
            return  # below 3 sigma p and chi have intervals, of which multiples mean nothing
        yield row("p", float(np.hypot(q, u)), result.p, result.p_err, False)
        if q or u:
            chi = float(np.rad2deg(0.5 * np.arctan2(u, q)) % 180.0)
            yield row("chi", chi, result.chi, result.chi_err, False)


def reduced_chi2(rows: Sequence[Comparison]) -> tuple[float, int]:
    """Return chi-square over its degrees of freedom, and how many numbers count."""
    deviations = np.array([row.deviation for row in rows if row.independent])
    return float(np.mean(deviations**2)), len(deviations)
