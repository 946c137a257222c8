"""How near in time a calibration lies to what it is for, as a level and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polarnight.calibration.rules import AssociationRules

__all__ = ["level_meaning", "nearness_level"]


def nearness_level(
    jd: float,
    *,
    same_night: bool,
    days: float,
    valid_from: float | None,
    valid_to: float | None,
    rules: AssociationRules,
) -> int:
    """Return the level of a calibration for an exposure.

    Parameters
    ----------
    jd : float
        Julian date of the exposure.
    same_night : bool
        Whether the calibration is of the night of the exposure.
    days : float
        How far apart they are.
    valid_from, valid_to : float or None
        Julian dates between which the calibration is stated to hold.
    rules : AssociationRules

    Returns
    -------
    int
        0 same night, 1 near, 2 valid, 3 outside the range of validity.
    """
    if (valid_from is not None and jd < valid_from) or (valid_to is not None and jd > valid_to):
        return 3
    if same_night:
        return 0
    if days <= rules.near_days:
        return 1
    # A stated validity replaces the general one of the instrument.
    stated = valid_from is not None and valid_to is not None
    return 2 if stated or days <= rules.validity_days else 3


def level_meaning(
    level: int,
    what: str,
    *,
    valid_from: float | None,
    valid_to: float | None,
    rules: AssociationRules,
) -> str:
    """Return what a level of `nearness_level` means; `what` names the calibration."""
    if level == 2 and valid_from is not None and valid_to is not None:
        return f"within the stated validity of the {what}"
    return (
        "same night",
        f"within {rules.near_days:g} days",
        f"within the {rules.validity_days:g} days of validity of the instrument",
        "outside the range of validity, risky",
    )[level]
