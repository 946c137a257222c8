"""Which source of the catalogue a name means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from polarnight.db.models.sources import AstroSource

__all__ = ["SourceName", "SourceNames", "get_source", "normalise"]

_COORDINATE = re.compile(r"\d{2,}[+-]\d{2,}")
_TOKEN = re.compile(r"([A-Za-z0-9]{1,3}_[A-Za-z0-9]+|[A-Za-z0-9]{4,})(?=_|$)")


def normalise(name: str) -> str:
    """Return a name without spaces, signs and underscores, in capitals."""
    return re.sub(r"[\s\-+_]", "", name).upper()


@dataclass(frozen=True, slots=True)
class SourceName:
    """What is needed of a source to recognise it; plain, so that workers can have it."""

    name: str
    other_names: tuple[str, ...]
    ra: float
    dec: float
    is_target: bool = True


@dataclass(frozen=True)
class SourceNames:
    """All names of the catalogue, and how the OBJECT of a header is read.

    A name that equals one of the catalogue wins (targets before calibrators). Else parts
    of OBJECT are tried against the names of targets, as the observers write them: a part
    that looks like a coordinate (``2200+420_R_60s``), the leading words (``Mrk 421 V``),
    the leading token. Where parts fit several targets, none is returned: a wrong target is
    worse than none.
    """

    sources: tuple[SourceName, ...]
    _exact: dict[str, SourceName] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        exact: dict[str, SourceName] = {}
        ordered = sorted(self.sources, key=lambda source: not source.is_target)
        for source in ordered:  # a name proper beats an other name of somebody else
            exact.setdefault(normalise(source.name), source)
        for source in ordered:
            for other in source.other_names:
                exact.setdefault(normalise(other), source)
        exact.pop("", None)
        object.__setattr__(self, "_exact", exact)

    @classmethod
    def load(cls) -> SourceNames:
        """Read the names of the catalogue from the database."""
        from polarnight.db.models.sources import AstroSource

        calibrators = set(
            AstroSource.calibrates.through.objects.values_list("from_astrosource_id", flat=True)
        )
        return cls(
            tuple(
                SourceName(
                    source.name, tuple(source.all_names[1:]), source.ra, source.dec, pk_is_target
                )
                for source in AstroSource.objects.all()
                for pk_is_target in [source.pk not in calibrators]
            )
        )

    def match(self, object_name: str) -> SourceName | None:
        """Return the source that the OBJECT of a header means, None where that is unclear."""
        text = object_name.strip()
        if not normalise(text):
            return None
        found = self._exact.get(normalise(text)) or self._leading_words(text)
        if found is not None:
            return found
        coordinate = _COORDINATE.search(text)
        if coordinate is not None:
            found = self._unique(lambda name: coordinate[0] in name)
        if found is None:
            token = _TOKEN.match(text)
            # Short tokens (M31 is three letters) would be found inside too many names.
            wanted = normalise(token[0]) if token else ""
            if len(wanted) >= 4:
                found = self._unique(lambda name: wanted in normalise(name))
        return found

    def resolve(self, object_name: str) -> tuple[float, float] | None:
        """Return the position (ICRS, degrees) of the source that OBJECT means."""
        found = self.match(object_name)
        return (found.ra, found.dec) if found else None

    def _leading_words(self, text: str) -> SourceName | None:
        """Compare ever fewer of the leading words with whole names of targets."""
        words = [word for word in re.split(r"[\s_,;]+", text) if word]
        for count in range(len(words) - 1, 0, -1):
            wanted = normalise("".join(words[:count]))
            found = self._exact.get(wanted)
            if len(wanted) >= 3 and found is not None and found.is_target:
                return found
        return None

    def _unique(self, fits: Callable[[str], bool]) -> SourceName | None:
        """Return the one target that a part fits; its name proper goes first."""
        targets = [source for source in self.sources if source.is_target]
        by_name = [source for source in targets if fits(source.name)]
        if by_name:
            return by_name[0] if len(by_name) == 1 else None
        by_other = [source for source in targets if _any(fits, source.other_names)]
        return by_other[0] if len(by_other) == 1 else None


def _any(fits: Callable[[str], bool], names: Iterable[str]) -> bool:
    return any(fits(name) for name in names)


def get_source(name: str) -> AstroSource:
    """Return the source that a user means by `name`: its name, another name, or nearly so.

    Raises
    ------
    ConfigError
        Where the catalogue has none; suggests names that look alike.
    """
    import difflib

    from polarnight.db.models.sources import AstroSource

    exact = AstroSource.objects.filter(name=name).first()
    if exact is not None:
        return exact
    names = SourceNames.load()
    found = names.match(name)
    if found is None:
        known = [source.name for source in names.sources]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        remedy = "; 'polarnight sources list' shows the names" if known and not close else ""
        if not known:
            remedy = "; the catalogue is empty: 'polarnight sources import FILE'"
        msg = f"no source is called {name!r}{hint}{remedy}"
        raise ConfigError(msg)
    return AstroSource.objects.get(name=found.name)
