"""Values of the literature that are drawn beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from polarnight.db.models import AstroSource

__all__ = ["References", "references_of"]


@dataclass(frozen=True, slots=True)
class References:
    """Literature values of a source.

    Attributes
    ----------
    magnitudes : mapping of str to float
        By band.
    p : float or None
        Percent.
    chi : float or None
        Degrees.
    """

    magnitudes: Mapping[str, float] = field(default_factory=dict)
    p: float | None = None
    chi: float | None = None


def references_of(source: AstroSource, bands: Iterable[str]) -> References:
    """Return what the catalogue knows of a source in these bands."""
    known = {band: source.magnitude(band) for band in bands}
    return References(
        {band: value[0] for band, value in known.items() if value is not None},
        None if source.p is None else 100 * source.p,
        source.chi,
    )
