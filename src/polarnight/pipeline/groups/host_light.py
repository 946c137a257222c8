"""Results without the light of the host galaxy, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polarnight.errors import AlgorithmFailed
from polarnight.photometry.hosts import HOST_BAND, HostTable, dilution, subtract_host

__all__ = ["HostOutcome", "host_correction"]

CORRECTED, REFUSED = "HOST_CORRECTED", "HOST_REFUSED"


@dataclass(frozen=True)
class HostOutcome:
    """What taking off a host galaxy gave.

    Attributes
    ----------
    flag : str
        ``"HOST_CORRECTED"`` or ``"HOST_REFUSED"``.
    values : dict
        Columns of the result.
    evidence : dict
        The light of the galaxy and where it comes from, or the reason of the refusal.
    """

    flag: str
    values: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)


def host_correction(
    values: Mapping[str, Any],
    band: str,
    table: HostTable | None,
    *,
    magnitude: tuple[float, float] | None = None,
    remark: Mapping[str, Any] | None = None,
) -> HostOutcome | None:
    """Take the host galaxy off a result.

    The light of the galaxy is taken to be unpolarized.

    Parameters
    ----------
    values : mapping
        Columns of the result: ``mag``, ``p``, ``aperas``, ``fwhm`` and errors.
    band : str
    table : HostTable or None
        Of the source.
    magnitude : tuple of float, optional
        Magnitude and error of the same time and aperture, for a polarization that has none of
        its own; only the polarization is then corrected.
    remark : mapping, optional
        Where that magnitude comes from, for the evidence.

    Returns
    -------
    HostOutcome or None
        None where there is nothing to take off: another band, no table, no measurement.
    """
    own = values.get("mag") is not None
    polarized = values.get("p") is not None
    if table is None or band != HOST_BAND or not (own or polarized):
        return None
    if not own and magnitude is None:
        reason = "there is no magnitude of the same time"
        return HostOutcome(REFUSED, evidence={"table": table.name, "refused": reason})
    mag, mag_err = (values["mag"], values["mag_err"]) if own else magnitude or (0.0, 0.0)
    corrected: dict[str, float] = {}
    try:
        light = table.at(values["aperas"], values["fwhm"])
        without, error = subtract_host(mag, mag_err, light)
        factor, factor_err = dilution(mag, mag_err, light)
    except AlgorithmFailed as fault:
        return HostOutcome(REFUSED, evidence={"table": table.name, "refused": str(fault)})
    if own:
        corrected |= {"mag_corr": without, "mag_corr_err": error}
    if polarized:
        p, p_err = values["p"], values["p_err"]
        corrected |= {
            "p_corr": factor * p,
            "p_corr_err": float(((factor * p_err) ** 2 + (p * factor_err) ** 2) ** 0.5),
        }
    evidence = {
        "table": table.name,
        "flux_mJy": light.flux,
        "flux_err_mJy": light.error,
        "dilution": factor,
        "dilution_err": factor_err,
        **(remark or {}),
    }
    return HostOutcome(CORRECTED, corrected, evidence)
