"""Standard stars of polarimetry as sources of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence

from polarnight.db.catalogue_file import SourceEntry
from polarnight.db.models import AstroSource
from polarnight.db.sources import normalise
from polarnight.polarimetry.standards import Standard

__all__ = ["standards_as_sources"]

_BAND = "R"


def standards_as_sources(
    standards: Sequence[Standard],
) -> tuple[list[SourceEntry], list[tuple[str, str]]]:
    """Return standards as entries to import, and those that the catalogue has already.

    A standard that the catalogue knows under another name is left as it is there, so that no
    star is measured twice.

    Parameters
    ----------
    standards : sequence of Standard

    Returns
    -------
    list of SourceEntry
        With the literature polarization in R where it is known there.
    list of (str, str)
        Names of standards, and the names of the sources that they are.
    """
    owners = {
        normalise(name): source.name
        for source in AstroSource.objects.all()
        for name in source.all_names
    }
    entries, known = [], []
    for standard in standards:
        own = [owners[n] for n in map(normalise, (standard.name, *standard.aliases)) if n in owners]
        if own and own[0] != standard.name:
            known.append((standard.name, own[0]))
        else:
            entries.append(_entry(standard))
    return entries, known


def _entry(standard: Standard) -> SourceEntry:
    values: dict[str, object] = {
        "name": standard.name,
        "other_names": list(standard.aliases),
        "ra_hms": standard.ra_hms,
        "dec_dms": standard.dec_dms,
        "srctype": "polarized standard" if standard.polarized else "zero standard",
        "mag_V": standard.mag_v,
    }
    for name in ("pm_ra", "pm_dec"):
        motion = getattr(standard, name)
        if motion is not None:
            values[name] = motion
    value = standard.in_band(_BAND)
    if standard.polarized and value is not None:
        trace = (value.cov[0][0] + value.cov[1][1]) / 2.0
        values |= {"p": value.p, "p_err": trace**0.5, "chi": value.chi}
    return SourceEntry.model_validate(values)
