"""Figures of quality of frames and nights, from what workers and masters have told already.

Nothing is read but the database. The rows that exist are compared by their key, and only those
whose figures changed are written, all in one transaction.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.frames import ImageType, ObsMode, recipe_key
from polarnight.instruments import all_instruments, get_instrument
from polarnight.pipeline.context import RunContext
from polarnight.pipeline.quality.extinction import (
    Extinction,
    ExtinctionHistory,
    at_unit_airmass,
    fit_extinction,
)
from polarnight.pipeline.quality.history import Kind, Usual, ZeroPointHistory

if TYPE_CHECKING:
    from polarnight.config.model import QualitySettings
    from polarnight.db import Epoch, FrameQuality, NightQuality, ReducedFit
    from polarnight.db.models.masters import MasterModel

__all__ = ["QUALITY_VERSION", "assess_nights", "sky_brightness"]

QUALITY_VERSION = "2"
"""Changes whenever the same frames would give other figures."""

_BEST_SEEING = 10.0  # percentile: one lucky frame is no night
_PER_MAG = 0.4 * math.log(10.0)
_GOOD_ZERO_POINT = 0.1  # magnitudes; with a larger error a frame is not the best of a night


def sky_brightness(
    sky_rate: float | None, zero_point: float | None, pixel_scale: float | None, share: float = 1.0
) -> float | None:
    """Return the brightness of the sky in magnitudes per square arcsec, None where unknown.

    Parameters
    ----------
    sky_rate : float or None
        ADU per second and pixel.
    zero_point : float or None
        Magnitude of one ADU per second.
    pixel_scale : float or None
        Arcsec per pixel.
    share : float
        Share of the light of the sky that the detector sees where the zero point is for all of
        it: one half behind a polaroid.
    """
    if sky_rate is None or zero_point is None or not pixel_scale or sky_rate <= 0.0:
        return None
    return zero_point - 2.5 * math.log10(sky_rate / share / pixel_scale**2)


def assess_nights(context: RunContext, epochs: Sequence[Epoch]) -> None:
    """Bring the figures of quality of some nights up to date.

    Those of instruments that are not known at present stay as they are.

    Parameters
    ----------
    context : RunContext
    epochs : sequence of Epoch
    """
    from django.db import transaction

    from polarnight.db import FrameQuality, NightQuality
    from polarnight.db.bulk import upsert

    history, air = ZeroPointHistory.load(), ExtinctionHistory.load()
    frames: list[FrameQuality] = []
    nights: list[NightQuality] = []
    for epoch in sorted(epochs, key=lambda e: (e.night, e.telescope)):
        of_frames, of_nights = _assess(epoch, history, air, context.settings.quality)
        frames += of_frames
        nights += of_nights
    known_frames = _keys(FrameQuality, epochs, "reducedfit_id")
    known_nights = _keys(NightQuality, epochs, "epoch_id", "instrument", "obsmode", "band")
    changed = [row for row in frames if known_frames.get((row.reducedfit_id,)) != row.recipe_key]
    changed_nights = [
        row
        for row in nights
        if known_nights.get((row.epoch_id, row.instrument, row.obsmode, row.band)) != row.recipe_key
    ]
    gone = set(known_frames) - {(row.reducedfit_id,) for row in frames}
    gone_nights = set(known_nights) - {
        (row.epoch_id, row.instrument, row.obsmode, row.band) for row in nights
    }
    with transaction.atomic():
        for (reducedfit,) in gone:
            FrameQuality.objects.filter(reducedfit=reducedfit).delete()
        for epoch_id, instrument, obsmode, band in gone_nights:
            NightQuality.objects.filter(
                epoch=epoch_id, instrument=instrument, obsmode=obsmode, band=band
            ).delete()
        upsert(changed, unique=("reducedfit",))
        upsert(changed_nights, unique=NightQuality.UNIQUE)
    step = context.report.step("quality")
    step.done += len(changed) + len(changed_nights)
    step.current += len(frames) + len(nights) - len(changed) - len(changed_nights)


def _keys(model: Any, epochs: Sequence[Epoch], *columns: str) -> dict[tuple[Any, ...], str]:
    """Return the keys of the rows that exist, by what they are known by."""
    rows = model.objects.filter(epoch__in=epochs, instrument__in=all_instruments())
    rows = rows.values_list(*columns, "recipe_key")
    return {tuple(row[:-1]): row[-1] for row in rows}


def _assess(
    epoch: Epoch, history: ZeroPointHistory, air: ExtinctionHistory, settings: QualitySettings
) -> tuple[list[FrameQuality], list[NightQuality]]:
    """Return the figures of the frames and of the kinds of frames of one night."""
    from polarnight.db import ReducedFit

    rows = ReducedFit.objects.filter(
        epoch=epoch,
        instrument__in=all_instruments(),
        flags__hasnot=ReducedFit.FLAGS.IGNORE,
        rawfit__imgtype=str(ImageType.LIGHT),
        rawfit__flags__hasnot=ReducedFit.FLAGS.IGNORE,
    ).exclude(content_key="")
    by_kind: dict[Kind, list[ReducedFit]] = defaultdict(list)
    for row in rows:
        by_kind[row.instrument, row.obsmode, row.band].append(row)
    known = all_instruments()
    masters = [row for row in _masters(epoch) if row.instrument in known]
    fits = {kind: fit_extinction(members, settings) for kind, members in by_kind.items()}
    air.remember(epoch, [(kind[2], fit) for kind, fit in fits.items() if fit is not None])
    frames, nights = [], []
    for kind, members in sorted(by_kind.items()):
        extinction = air.of(epoch, kind[2], settings)
        best = _best(members, extinction)
        usual = history.usual(epoch, kind, settings)
        of_kind = [_frame(row, extinction, best, usual) for row in members]
        night = _night(epoch, kind, of_kind, best, usual)
        night.reference_nights = usual.n
        _describe_extinction(night, fits[kind], extinction)
        _describe_flats(night, masters)
        night.recipe_key = _key(night)
        history.remember(epoch, kind, None if best is None else best[0])
        frames += of_kind
        nights.append(night)
    instruments = {kind[0] for kind in by_kind} | {row.instrument for row in masters}
    nights += [_detector(epoch, name, frames, masters) for name in sorted(instruments)]
    return frames, nights


def _best(rows: Iterable[ReducedFit], extinction: float) -> tuple[float, float] | None:
    """Return the zero point of the most transparent frame that knows it well, and its error.

    The zero point at airmass 1.
    """
    known = [
        (at_unit_airmass(row.mag_zp, row.airmass, extinction), float(row.mag_zp_err))
        for row in rows
        if row.mag_zp is not None and row.mag_zp_err is not None
    ]
    good = [entry for entry in known if entry[1] < _GOOD_ZERO_POINT]
    return max(good) if good else None


def _frame(
    row: ReducedFit, extinction: float, best: tuple[float, float] | None, usual: Usual
) -> FrameQuality:
    from polarnight.db import FrameQuality

    reached = None
    if row.mag_zp is not None:
        reached = at_unit_airmass(row.mag_zp, row.airmass, extinction)
    rate = None
    if row.background_level is not None and row.exptime:
        rate = row.background_level / row.exptime
    scale = row.pixscale or row.pixel_scale
    quality = FrameQuality(
        reducedfit=row,
        epoch_id=row.epoch_id,
        instrument=row.instrument,
        obsmode=row.obsmode,
        band=row.band,
        juliandate=row.juliandate,
        airmass=row.airmass,
        seeing=row.fwhm,
        elongation=row.elongation,
        n_detections=row.n_detections,
        solved=row.solved,
        sky_rate=rate,
        sky_mag=sky_brightness(rate, row.mag_zp, scale, _share(row)),
        zero_point=row.mag_zp,
        zero_point_err=row.mag_zp_err,
        transparency=_ratio(reached, best[0] if best else None),
        throughput=_ratio(reached, usual.value),
    )
    quality.recipe_key = _key(quality)
    return quality


def _share(row: ReducedFit) -> float:
    """Return the share of the light that one image of the sky holds.

    Zero points of polarimetry hold for the whole intensity. Behind a polaroid, and on each of
    two cameras, there is half of it; on a detector that shows both beams, their skies overlap.
    """
    if row.obsmode != str(ObsMode.POLARIMETRY):
        return 1.0
    plugin = get_instrument(row.instrument)
    return 0.5 if plugin.polarimeter == "polaroids" or plugin.beams == "cameras" else 1.0


def _ratio(zero_point: float | None, reference: float | None) -> float | None:
    if zero_point is None or reference is None:
        return None
    return float(10.0 ** (0.4 * (zero_point - reference)))


def _night(
    epoch: Epoch,
    kind: Kind,
    frames: Sequence[FrameQuality],
    best: tuple[float, float] | None,
    usual: Usual,
) -> NightQuality:
    from polarnight.db import NightQuality

    def values(name: str) -> list[float]:
        return [getattr(row, name) for row in frames if getattr(row, name) is not None]

    def middle(name: str) -> float | None:
        return float(median(found)) if (found := values(name)) else None

    seeing = values("seeing")
    throughput = _ratio(best[0] if best else None, usual.value)
    throughput_err = None
    if best is not None and throughput is not None:
        throughput_err = throughput * _PER_MAG * math.hypot(best[1], usual.error)
    instrument, obsmode, band = kind
    return NightQuality(
        epoch=epoch,
        instrument=instrument,
        obsmode=obsmode,
        band=band,
        n_frames=len(frames),
        n_solved=sum(row.solved for row in frames),
        seeing=middle("seeing"),
        seeing_best=float(np.percentile(seeing, _BEST_SEEING)) if seeing else None,
        elongation=middle("elongation"),
        n_detections=middle("n_detections"),
        sky_rate=middle("sky_rate"),
        sky_mag=middle("sky_mag"),
        zero_point=best[0] if best else None,
        zero_point_err=best[1] if best else None,
        transparency=middle("transparency"),
        throughput=throughput,
        throughput_err=throughput_err,
    )


def _describe_extinction(night: NightQuality, fit: Extinction | None, taken: float) -> None:
    night.extinction_taken = taken
    if fit is not None:
        night.extinction, night.extinction_err = fit.value, fit.error
        night.extinction_n = fit.n


def _masters(epoch: Epoch) -> list[MasterModel]:
    from polarnight.db.models.masters import MASTER_MODELS

    found: list[MasterModel] = []
    for model in MASTER_MODELS.values():
        rows = model._default_manager.filter(epoch=epoch).exclude(content_key="")
        found += [row for row in rows if not row.has_flag(row.FLAGS["IGNORE"])]
    return found


def _describe_flats(night: NightQuality, masters: Sequence[MasterModel]) -> None:
    """Take over how the flats of a kind differ from those before: the largest differences."""
    compared = [
        row.comparison["figures"]
        for row in masters
        if row.KIND == "FLAT"
        and row.instrument == night.instrument
        and getattr(row, "band", "") == night.band
        and getattr(row, "obsmode", "") in ("", night.obsmode)
        and "excess" in row.comparison.get("figures", {})
    ]
    if compared:
        night.flat_rms = max(figures["excess"] for figures in compared)
        night.flat_large_scale = max(figures["large_scale"] for figures in compared)
        night.new_spots = max(figures["new_spots"] for figures in compared)


def _detector(
    epoch: Epoch,
    instrument: str,
    frames: Sequence[FrameQuality],
    masters: Sequence[MasterModel],
) -> NightQuality:
    """Return what the masters of a night say of a detector: that of most frames where several."""
    from polarnight.db import NightQuality

    own = [row for row in frames if row.instrument == instrument]
    night = NightQuality(
        epoch=epoch,
        instrument=instrument,
        n_frames=len(own),
        n_solved=sum(row.solved for row in own),
    )

    def stats(kind: str) -> dict[str, Any]:
        rows = [row for row in masters if kind == row.KIND and row.instrument == instrument]
        largest = max(rows, key=lambda row: (row.n_used, row.key), default=None)
        return {} if largest is None else largest.stats

    bias, dark = stats("BIAS"), stats("DARK")
    night.bias_level = bias.get("level")
    night.read_noise = bias.get("read_noise")
    night.dark_rate = dark.get("level")
    night.bad_fraction = dark.get("bad_fraction", bias.get("bad_fraction"))
    night.recipe_key = _key(night)
    return night


def _key(row: FrameQuality | NightQuality) -> str:
    """Return the key of a row: all its figures, which follow from its frames."""
    figures = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key and field.name != "recipe_key"
    }
    return recipe_key((), figures, {"quality": QUALITY_VERSION})
