"""Which instrumental polarization is taken off a measurement, and why that one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from polarnight.calibration import AssociationRules
from polarnight.calibration.levels import level_meaning, nearness_level
from polarnight.instruments import get_instrument
from polarnight.pipeline.associations import Associate
from polarnight.polarimetry import InstrumentalPolarization
from polarnight.polarimetry.instrumental import PARAMETERS

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import PolarizationCalibration
    from polarnight.pipeline.recipes.book import RecipeBook

__all__ = [
    "DECLARED",
    "CalibrationChoice",
    "CalibrationRecord",
    "CalibrationShelf",
    "calibration_for",
    "choose_calibration",
]

DECLARED = "declared"
"""The level of the constants that an instrument declares."""

_SAME_NIGHT = 0.5  # days; from evening to morning, and not to the next evening
_MOST_TOLD = 3


@dataclass(frozen=True)
class CalibrationRecord:
    """A calibration as the association sees it.

    Attributes
    ----------
    key : str
    instrument, band : str
    jd, jd_first, jd_last : float
        Mean, first and last time of its observations, UTC Julian dates.
    instrumental : InstrumentalPolarization
    valid_from, valid_to : float or None
        Bounds of its validity, where somebody has said so.
    ignored : bool
        Never to be used.
    """

    key: str
    instrument: str
    band: str
    jd: float
    jd_first: float
    jd_last: float
    instrumental: InstrumentalPolarization
    valid_from: float | None = None
    valid_to: float | None = None
    ignored: bool = False

    def days_from(self, jd: float) -> float:
        """Return the days between a moment and its observations; negative: they came before."""
        if jd > self.jd_last:
            return self.jd_last - jd
        return max(self.jd_first - jd, 0.0)


@dataclass(frozen=True)
class CalibrationChoice:
    """The instrumental polarization that was chosen.

    Attributes
    ----------
    instrumental : InstrumentalPolarization
    level : int or str
        0 the same night, 1 near, 2 within validity, 3 risky; `DECLARED` where no calibration
        fits and the constants of the instrument are used.
    key : str
        Of the calibration; ``""`` for declared constants.
    delta_days : float or None
        From the measurement to the observations of the standards.
    reason : str
        A sentence for people.
    measured : bool
        False for constants that are assumed, or where none are declared.
    """

    instrumental: InstrumentalPolarization
    level: int | str
    key: str
    delta_days: float | None
    reason: str
    measured: bool = True

    @property
    def risky(self) -> bool:
        """Whether the calibration lies outside its range of validity, or was never measured."""
        return self.level == 3 or not self.measured

    def evidence(self) -> dict[str, Any]:
        """Return what a result says of the choice, JSON-able."""
        return {
            "level": self.level,
            "key": self.key,
            "delta_days": self.delta_days,
            "reason": self.reason,
            "origin": self.instrumental.origin,
            "values": {name: getattr(self.instrumental, name) for name in PARAMETERS},
        }


def choose_calibration(
    records: Iterable[CalibrationRecord],
    instrument: str,
    band: str,
    jd: float,
    declared: InstrumentalPolarization,
    rules: AssociationRules | None = None,
) -> CalibrationChoice:
    """Choose the calibration of a measurement, as masters are chosen.

    Parameters
    ----------
    records : iterable of CalibrationRecord
        In any order.
    instrument, band : str
        The keys that have to agree.
    jd : float
        Middle of the measurement.
    declared : InstrumentalPolarization
        The last resort.
    rules : AssociationRules, optional

    Returns
    -------
    CalibrationChoice
        Of the best level the nearest in time; never an ignored one.
    """
    rules = rules or AssociationRules()
    usable, passed_over = [], []
    for record in records:
        if record.instrument != instrument or record.band != band:
            continue
        level = _level(record, jd, rules)
        if record.ignored:
            passed_over.append(f"{record.key} is to be ignored")
        elif level == 3 and not rules.allow_risky:
            passed_over.append(f"{record.key} is {abs(record.days_from(jd)):.1f} days away")
        else:
            days = abs(record.days_from(jd))
            usable.append(((level, days, abs(record.jd - jd), record.key), record))
    if not usable:
        why = "; ".join(sorted(passed_over)[:_MOST_TOLD]) or "no standards have been fitted"
        reason = f"constants declared for {instrument} ({declared.origin or 'of no origin'}): {why}"
        return CalibrationChoice(declared, DECLARED, "", None, reason)
    (level, *_), chosen = min(usable, key=lambda entry: entry[0])
    delta = chosen.days_from(jd)
    return CalibrationChoice(
        chosen.instrumental, level, chosen.key, delta, _why(chosen, level, delta, rules)
    )


def _level(record: CalibrationRecord, jd: float, rules: AssociationRules) -> int:
    days = abs(record.days_from(jd))
    return nearness_level(
        jd,
        same_night=days <= _SAME_NIGHT,
        days=days,
        valid_from=record.valid_from,
        valid_to=record.valid_to,
        rules=rules,
    )


def _why(record: CalibrationRecord, level: int, delta: float, rules: AssociationRules) -> str:
    meaning = level_meaning(
        level, "calibration", valid_from=record.valid_from, valid_to=record.valid_to, rules=rules
    )
    when = f", {abs(delta):.2f} days {'earlier' if delta < 0 else 'later'}" if delta else ""
    return f"polarization {record.key}: level {level} ({meaning}){when}"


class CalibrationShelf:
    """All calibrations of the database, kept while a run goes on."""

    def __init__(self, recipes: RecipeBook) -> None:
        self._recipes = recipes
        self._records: list[CalibrationRecord] | None = None

    @property
    def records(self) -> list[CalibrationRecord]:
        """The calibrations, read at the first use."""
        if self._records is None:
            from polarnight.db import PolarizationCalibration

            rows = PolarizationCalibration.objects.exclude(content_key="")
            self._records = [_record(row) for row in rows]
        return self._records

    def choose(
        self, instrument: str, telescope: str, band: str, jd: float, night: str
    ) -> CalibrationChoice:
        """Choose for a measurement, by the rules for masters.

        `night` is the date whose declared constants hold.
        """
        declared = get_instrument(instrument).instrumental_polarization(band, night)
        recipe = self._recipes.get("association", instrument, telescope, night).recipe
        rules = next(
            AssociationRules(**stage.parameters())
            for stage in recipe.stages
            if isinstance(stage, Associate)
        )
        choice = choose_calibration(self.records, instrument, band, jd, declared, rules)
        if choice.level == DECLARED:
            measured = get_instrument(instrument).polarization_measured(band, night)
            return replace(choice, measured=measured)
        return choice


def calibration_for(
    instrument: str, band: str, jd: float, *, settings: Settings | None = None
) -> CalibrationChoice:
    """Return the instrumental polarization of a moment, with the reason.

    Parameters
    ----------
    instrument, band : str
    jd : float
        UTC Julian date.
    settings : Settings, optional
        Those in force unless given.

    Raises
    ------
    ConfigError
        Where no such instrument is installed.
    """
    from polarnight.config import get_settings
    from polarnight.pipeline.recipes.book import RecipeBook
    from polarnight.telescopes import get_telescope

    telescope = get_telescope(get_instrument(instrument).telescopes[0])
    night = telescope.night_of(jd).isoformat()
    shelf = CalibrationShelf(RecipeBook(settings or get_settings()))
    return shelf.choose(instrument, telescope.name, band, jd, night)


def _record(row: PolarizationCalibration) -> CalibrationRecord:
    values = {name: float(getattr(row, name) or 0.0) for name in PARAMETERS}
    return CalibrationRecord(
        key=row.key,
        instrument=row.instrument,
        band=row.band,
        jd=float(row.jd or 0.0),
        jd_first=float(row.jd_first or 0.0),
        jd_last=float(row.jd_last or 0.0),
        instrumental=InstrumentalPolarization(
            **values,
            origin=f"standards, {row.key}",
            covariance=tuple(tuple(map(float, line)) for line in row.covariance),
        ),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        ignored=row.has_flag(row.FLAGS.IGNORE),
    )
