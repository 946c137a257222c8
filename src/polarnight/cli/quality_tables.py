"""Figures of quality as tables on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from polarnight.cli.screen import table_of

if TYPE_CHECKING:
    from rich.table import Table

    from polarnight.db import FrameQuality, NightQuality

__all__ = ["frame_lines", "master_lines", "night_lines"]

_CLOUDY = 0.7


def _table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]], *, texts: int) -> Table:
    """Return a table without the columns that say nothing; the first `texts` hold words."""
    told = [n for n in range(len(columns)) if not rows or any(str(row[n]) for row in rows)]
    table = table_of(*(columns[n] for n in told), numbers=columns[texts:])
    for row in rows:
        table.add_row(*(row[n] for n in told))
    return table


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{digits}f}{unit}"


def _percent(value: float | None, digits: int = 0, limit: float | None = None) -> Text:
    if value is None:
        return Text("")
    poor = limit is not None and value < limit
    return Text(f"{100.0 * value:.{digits}f} %", "yellow" if poor else "")


def _extinction(row: NightQuality) -> str:
    """Return the extinction that the night itself told, with its error."""
    if row.extinction is None:
        return ""
    return f"{row.extinction:.3f} ± {row.extinction_err:.3f}"


def _mode(row: Any) -> str:
    return {"PHOTOMETRY": "phot", "POLARIMETRY": "pol"}.get(row.obsmode, "")


def night_lines(rows: Sequence[NightQuality]) -> Table:
    """Return a line for each kind of frames of each night, and one for each detector."""
    columns = (
        "night", "instrument", "band", "mode", "solved", "seeing", "best", "elong.", "sky",
        "ADU/s", "zero point", "extinction", "transp.", "throughput", "bias", "noise e-",
        "dark ADU/s", "flat", "large", "dust",
    )  # fmt: skip
    cells = [
        (
            row.epoch.epochname,
            row.instrument,
            row.band or "all",
            _mode(row),
            f"{row.n_solved}/{row.n_frames}",
            _number(row.seeing, 2, '"'),
            _number(row.seeing_best, 2, '"'),
            _number(row.elongation, 2),
            _number(row.sky_mag, 2),
            _number(row.sky_rate, 2),
            _number(row.zero_point, 3),
            _extinction(row),
            _percent(row.transparency, limit=_CLOUDY),
            _percent(row.throughput, limit=_CLOUDY),
            _number(row.bias_level, 1),
            _number(row.read_noise, 2),
            _number(row.dark_rate, 4),
            _percent(row.flat_rms, 2),
            _percent(row.flat_large_scale, 1),
            "" if row.new_spots is None else str(row.new_spots),
        )
        for row in rows
    ]
    return _table(columns, cells, texts=4)


def frame_lines(rows: Sequence[FrameQuality]) -> Table:
    """Return a line for each frame."""
    columns = (
        "file", "instrument", "band", "mode", "solved", "airmass", "seeing", "elong.", "stars",
        "sky", "ADU/s", "zero point", "transp.", "throughput",
    )  # fmt: skip
    several = len({row.epoch_id for row in rows}) > 1
    cells = [
        (
            row.reducedfit.fileloc if several else row.reducedfit.filename,
            row.instrument,
            row.band,
            _mode(row),
            "yes" if row.solved else Text("no", "red"),
            _number(row.airmass, 2),
            _number(row.seeing, 2, '"'),
            _number(row.elongation, 2),
            "" if row.n_detections is None else str(row.n_detections),
            _number(row.sky_mag, 2),
            _number(row.sky_rate, 2),
            _number(row.zero_point, 3),
            _percent(row.transparency, limit=_CLOUDY),
            _percent(row.throughput, limit=_CLOUDY),
        )
        for row in rows
    ]
    return _table(columns, cells, texts=5)


def master_lines(epochs: Iterable[int]) -> list[Text]:
    """Return what is worth a warning about the masters of some nights, a line each."""
    from polarnight.db.models.masters import MASTER_MODELS

    lines = []
    for model in MASTER_MODELS.values():
        for row in model._default_manager.filter(epoch__in=list(epochs)).order_by("key"):
            for warning in (row.comparison or {}).get("warnings", []):
                what = f"master {row.KIND.lower()} {row.key}"
                lines.append(Text.assemble((what, "yellow"), ": ", warning))
    return lines
