"""How a master differs from the one before it, and when that is worth a warning.

Levels, noise and defects are figures that the masters carry already. The ratio of two flats needs
their pixels: the worker that makes a flat divides it by its predecessor, and only where the
predecessor was made later (or anew) both are read once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.calibration import hard_keys
from polarnight.calibration.comparison import COMPARISON_VERSION, compare_flats
from polarnight.calibration.keys import differing_keys
from polarnight.frames import FrameInfo, ImageType, recipe_key
from polarnight.instruments import get_instrument
from polarnight.pipeline.context import RunContext
from polarnight.pipeline.executor import Task

if TYPE_CHECKING:
    from polarnight.config.model import QualitySettings
    from polarnight.db import Epoch
    from polarnight.db.models.masters import MasterModel
    from polarnight.pipeline.associations import MasterShelf

__all__ = ["compare_masters", "comparison_of", "master_warnings", "predecessor"]

_ANGLE_TOLERANCE = 1.0
_PART = "quality"
_LEAST_DARK_ADU = 1.0
"""In a whole exposure; levels are those of whole numbers, and the bias wanders by as much."""


def predecessor(
    info: FrameInfo, jd: float, key: str, rows: Iterable[MasterModel], days: float
) -> MasterModel | None:
    """Return the latest earlier master of the same detector, window, band and angle.

    Parameters
    ----------
    info : FrameInfo
        Of the master, or of a frame that goes into it.
    jd : float
        Mean time of its frames.
    key : str
        Of the master itself.
    rows : iterable of MasterModel
        All of the same kind.
    days : float
        Older ones are no predecessors.
    """
    wanted = _keys(info)
    earlier = [
        row
        for row in rows
        if row.key != key
        and row.jd is not None
        and jd - days <= row.jd < jd
        and not row.has_flag(row.FLAGS["IGNORE"])
        and not differing_keys(wanted, _keys(FrameInfo.from_dict(row.info)), _ANGLE_TOLERANCE)
    ]
    return max(earlier, key=lambda row: (row.jd or 0.0, row.key), default=None)


def _keys(info: FrameInfo) -> dict[str, Any]:
    return hard_keys(info, info.imgtype, flat_angles=get_instrument(info.instrument).flat_angles)


def comparison_of(
    content_key: str, previous: MasterModel, figures: Mapping[str, Any], spot_contrast: float
) -> dict[str, Any]:
    """Return what is kept on a master about its predecessor."""
    return {
        "previous": previous.key,
        "key": _key(content_key, previous, spot_contrast),
        "figures": dict(figures),
    }


def _key(content_key: str, previous: MasterModel, spot_contrast: float) -> str:
    return recipe_key(
        {"master": content_key, "previous": previous.content_key},
        {"spot_contrast": spot_contrast},
        {"comparison": COMPARISON_VERSION},
    )


def compare_masters(
    context: RunContext, kind: ImageType, epochs: Sequence[Epoch], shelf: MasterShelf
) -> None:
    """Bring the comparisons of the masters of some nights up to date, and warn.

    Parameters
    ----------
    context : RunContext
    kind : ImageType
    epochs : sequence of Epoch
    shelf : MasterShelf
        With all masters that were made.
    """
    settings = context.settings.quality
    nights = {epoch.pk for epoch in epochs}
    every = list(shelf.rows(kind).values())
    changed: list[MasterModel] = []
    pairs: list[tuple[MasterModel, MasterModel]] = []
    for row in every:
        if row.epoch_id not in nights or row.jd is None:
            continue
        info = FrameInfo.from_dict(row.info)
        previous = predecessor(info, row.jd, row.key, every, settings.predecessor_days)
        if previous is None:
            if row.comparison:
                row.comparison = {}
                changed.append(row)
        elif previous.key in context.due and context.options.dry_run:
            pairs += [(row, previous)] if kind is ImageType.FLAT else []
        elif row.comparison.get("key") != _key(row.content_key, previous, settings.spot_contrast):
            if kind is ImageType.FLAT:
                pairs.append((row, previous))
            else:
                figures = _levels(row, previous)
                row.comparison = comparison_of(
                    row.content_key, previous, figures, settings.spot_contrast
                )
                changed.append(row)
    if context.options.dry_run:
        for row, previous in pairs:
            if row.key not in context.due:
                context.plan(_PART, row.key, f"the flat before it, {previous.key}, changed")
        return
    changed += _divide(context, pairs, settings.spot_contrast)
    _warn(context, [row for row in every if row.epoch_id in nights], changed)


def _divide(
    context: RunContext, pairs: Sequence[tuple[MasterModel, MasterModel]], spot_contrast: float
) -> list[MasterModel]:
    """Divide flats by their predecessors in workers; return the rows that have new figures."""
    tasks = [
        Task(n, _divide_flats, (row.filepath, previous.filepath, spot_contrast))
        for n, (row, previous) in enumerate(pairs)
    ]
    changed = []
    for outcome in context.run(tasks, "comparing flats"):
        row, previous = pairs[outcome.key]
        if outcome.ok:
            row.comparison = comparison_of(row.content_key, previous, outcome.result, spot_contrast)
        else:
            reason = {"refused": outcome.reason(row.filepath)}
            row.comparison = comparison_of(row.content_key, previous, reason, spot_contrast)
        changed.append(row)
    return changed


def _divide_flats(path: Path, previous: Path, spot_contrast: float) -> dict[str, Any]:
    return compare_flats(path, previous, spot_contrast).to_dict()


def _warn(context: RunContext, rows: Sequence[MasterModel], changed: Sequence[MasterModel]) -> None:
    """Say what is worth a warning under the settings in force, and keep it on the masters."""
    from polarnight.db.bulk import update

    different = {row.key: row for row in changed}
    for row in rows:
        told = master_warnings(row, context.settings.quality)
        if row.comparison and row.comparison.get("warnings") != told:
            row.comparison = {**row.comparison, "warnings": told}
            different[row.key] = row
        if row.key in different:
            for warning in told:
                context.warn(_PART, row.key, warning)
    if different:
        update(list(different.values()), ["comparison"])


def _levels(row: MasterModel, previous: MasterModel) -> dict[str, Any]:
    """Return the figures of a bias or dark beside those of the one before it."""
    names = ("level", "read_noise", "bad_fraction", "noise_ratio")
    figures: dict[str, Any] = {}
    for name in names:
        if row.stats.get(name) is not None and previous.stats.get(name) is not None:
            figures[name], figures[f"previous_{name}"] = row.stats[name], previous.stats[name]
    info = FrameInfo.from_dict(row.info)
    # In ADU: what the level is measured in.
    figures["read_noise_adu"] = (row.stats.get("read_noise") or info.read_noise) / info.gain
    figures["pixels"] = info.width * info.height
    figures["exptime"] = info.exptime
    return figures


def master_warnings(row: MasterModel, settings: QualitySettings) -> list[str]:
    """Return what about a master and the one before it is worth a warning.

    Parameters
    ----------
    row : MasterModel
    settings : QualitySettings
        The thresholds.
    """
    figures = row.comparison.get("figures")
    if not figures:
        return []
    night = "/".join(row.comparison["previous"].split("/")[:2])
    if "refused" in figures:
        return [f"cannot be compared with the one of {night}: {figures['refused']}"]
    by_kind = {"BIAS": _bias_warnings, "DARK": _dark_warnings, "FLAT": _flat_warnings}
    told = by_kind[row.KIND](figures, settings)
    if row.KIND != "FLAT":
        told += _defect_warnings(figures, settings)
    return [f"{text}, compared with {night}" for text in told]


def _bias_warnings(figures: Mapping[str, Any], settings: QualitySettings) -> list[str]:
    told = []
    if "level" in figures:
        shift = figures["level"] - figures["previous_level"]
        sigmas = shift / figures["read_noise_adu"]
        if abs(sigmas) > settings.bias_shift:
            told.append(
                f"the bias level changed by {shift:+.1f} ADU to {figures['level']:.1f} "
                f"({sigmas:+.1f} sigma of the read noise)"
            )
    told += _relative(figures, "read_noise", settings.read_noise_change, "the read noise", "e-")
    return told


def _dark_warnings(figures: Mapping[str, Any], settings: QualitySettings) -> list[str]:
    if "level" in figures and "exptime" in figures:
        change = abs(figures["level"] - figures["previous_level"]) * figures["exptime"]
        if change < _LEAST_DARK_ADU:
            return []
    return _relative(figures, "level", settings.dark_change, "the dark rate", "ADU/s")


def _defect_warnings(figures: Mapping[str, Any], settings: QualitySettings) -> list[str]:
    if "bad_fraction" not in figures:
        return []
    now, before = (
        round(figures[name] * figures["pixels"])
        for name in ("bad_fraction", "previous_bad_fraction")
    )
    # Few pixels come and go by chance: Poisson noise is taken off.
    beyond = abs(now - before) - 3.0 * (now + before) ** 0.5
    if beyond <= settings.defects_change * before:
        return []
    return [f"there are {now} hot or unstable pixels, {before} before"]


def _relative(
    figures: Mapping[str, Any], name: str, limit: float, what: str, unit: str
) -> list[str]:
    if name not in figures or not figures[f"previous_{name}"]:
        return []
    now, before = figures[name], figures[f"previous_{name}"]
    if abs(now / before - 1.0) <= limit:
        return []
    return [f"{what} changed from {before:.3g} to {now:.3g} {unit}"]


def _flat_warnings(figures: Mapping[str, Any], settings: QualitySettings) -> list[str]:
    told = []
    if figures["large_scale"] > settings.flat_large_scale:
        told.append(f"the flat changed by {100.0 * figures['large_scale']:.1f} % on large scales")
    if figures["excess"] > settings.flat_rms:
        told.append(
            f"the flat changed by {100.0 * figures['excess']:.2f} % from pixel to pixel, "
            "beyond its noise"
        )
    if figures["new_spots"] >= settings.new_spots:
        contrast = 100.0 * figures["spot_contrast"]
        told.append(
            f"{figures['new_spots']} new places of the flat are darker by {contrast:g} % or more: "
            "dust"
        )
    return told
