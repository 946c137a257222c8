"""What failed in a night, in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from polarnight.web.links import page_url

__all__ = ["Failure", "failed_files", "failures_of", "words_of"]

_PATH = re.compile(r"^(/\S[^:]*/)([^/:]+): ")
_BRACKETS = re.compile(r"^(?P<text>.*\S) \((?P<remedy>[^()]{8,})\)$", re.DOTALL)
_REMEDIES = {
    "classify": "look at its header; `polarnight instruments check` tells what is read from it",
    "masters": "add frames of its kind, or leave the odd one out (flag IGNORE), and run again",
    "reduce": "open the frame; if it is clouded or trailed flag it IGNORE, else check its header",
    "photometry": "check the calibrators of the source, and the frames of the group",
    "polarimetry": "check that the cycle of angles is complete, and the frames of the group",
}
_SHOWN = 4


@dataclass
class Failure:
    """Things of a night that failed for one reason.

    Attributes
    ----------
    part : str
        Of the run: classify, masters, reduce, photometry, polarimetry.
    text, remedy : str
        What happened, and what to do.
    files : list of str
        Names of frames or masters.
    links : list of (str, str)
        The first few names with the address of their page, ``""`` where there is none.
    """

    part: str
    text: str
    remedy: str
    files: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many more there are."""
        return max(0, len(self.files) - _SHOWN)


def failures_of(epoch: Any) -> list[Failure]:
    """Return what failed in a night: what its last run said, and files that nobody can read.

    Parameters
    ----------
    epoch : Epoch

    Returns
    -------
    list of Failure
        One for each reason, the most frequent first.
    """
    from polarnight.db import RawFit

    told = [
        (str(part), str(what), str(why))
        for part, what, why in (epoch.report or {}).get("failed", [])
    ]
    known = {PurePosixPath(what).name for part, what, _ in told if part == "classify"}
    ignored = int(RawFit.FLAGS.IGNORE)
    unread = RawFit.objects.filter(epoch=epoch, flags__hasnot=ignored).exclude(error="")
    told += [
        ("classify", name, error)
        for name, error in unread.values_list("filename", "error")
        if name not in known
    ]
    found = _grouped(told)
    _link(epoch, found)
    return found


def failed_files(epochs: Sequence[Any]) -> list[set[tuple[str, str]]]:
    """Return what failed in each of several nights, as part and name, in one query.

    As many as `failures_of` tells, each counted once for each part.
    """
    from polarnight.db import RawFit

    found: dict[Any, set[tuple[str, str]]] = {
        epoch.pk: {
            (str(part), PurePosixPath(what).name)
            for part, what, _ in (epoch.report or {}).get("failed", [])
        }
        for epoch in epochs
    }
    rows = RawFit.objects.filter(epoch__in=list(found), flags__hasnot=int(RawFit.FLAGS.IGNORE))
    for key, name in rows.exclude(error="").values_list("epoch", "filename"):
        found[key].add(("classify", name))
    return [found[epoch.pk] for epoch in epochs]


def words_of(part: str, error: str) -> tuple[str, str]:
    """Return what happened and what to do about it; both empty where nothing did."""
    return _split(part, error) if error else ("", "")


def _link(epoch: Any, failures: list[Failure]) -> None:
    """Add the pages of the first few frames of each."""
    from polarnight.db import RawFit

    shown = {name for failure in failures for name in failure.files[:_SHOWN]}
    rows = RawFit.objects.filter(epoch=epoch, filename__in=shown)
    places = {
        name: page_url("frame", "reduced" if reduced else "raw", reduced or raw)
        for name, raw, reduced in rows.values_list("filename", "pk", "reduced__pk")
    }
    for failure in failures:
        failure.links = [(name, places.get(name, "")) for name in failure.files[:_SHOWN]]


def _grouped(told: Iterable[tuple[str, str, str]]) -> list[Failure]:
    found: dict[tuple[str, str], Failure] = {}
    for part, what, why in told:
        text, remedy = _split(part, why)
        # Numbers in brackets differ from frame to frame; what happened does not.
        key = (part, text.partition(" [")[0])
        failure = found.setdefault(key, Failure(part, text, remedy))
        name = PurePosixPath(what).name
        if name not in failure.files:
            failure.files.append(name)
    return sorted(found.values(), key=lambda failure: -len(failure.files))


def _split(part: str, why: str) -> tuple[str, str]:
    """Return what happened and what to do, without the path, which says nothing new."""
    text = _PATH.sub("", " ".join(why.split()))
    match = _BRACKETS.match(text)
    if match:
        return match["text"], match["remedy"]
    head, semicolon, tail = text.rpartition("; ")
    if semicolon and len(tail) > 8:
        return head, tail
    return text, _REMEDIES.get(part, "")
