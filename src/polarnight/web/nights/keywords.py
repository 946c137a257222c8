"""Which keywords the raw headers of a night have."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polarnight.cubes.fits.opening import open_units
from polarnight.db.models import RawFit
from polarnight.errors import BadFrame
from polarnight.frames.cards import COMMENTARY, parse_cards
from polarnight.web.viewer.opening import locate
from polarnight.web.viewer.problems import ViewerError

if TYPE_CHECKING:
    from polarnight.db.models import Epoch

__all__ = ["Keywords", "keywords_of"]


@dataclass(frozen=True)
class Keywords:
    """The keywords of the first headers of many files.

    Attributes
    ----------
    counts : dict of str to int
        Number of frames that have each, in the order of the alphabet.
    n_read, n_frames : int
        Frames that were read, and all.
    """

    counts: dict[str, int]
    n_read: int
    n_frames: int


def keywords_of(epoch: Epoch, seconds: float = 5.0) -> Keywords:
    """Return the union of the keywords of the raw frames of a night.

    Parameters
    ----------
    epoch : Epoch
    seconds : float
        After which no further file is opened: a page is waiting. Files that cannot be read are
        passed over.
    """
    frames = list(RawFit.objects.filter(epoch=epoch).select_related("epoch").order_by("pk"))
    end = time.monotonic() + seconds
    counts: Counter[str] = Counter()
    n_read = 0
    for frame in frames:
        if time.monotonic() >= end:
            break
        try:
            counts.update(_keys(frame))
        except (ViewerError, BadFrame):
            continue
        n_read += 1
    return Keywords(dict(sorted(counts.items())), n_read, len(frames))


def _keys(frame: RawFit) -> set[str]:
    with open_units(str(locate(frame).path)) as units:
        header = next(units).header
    return {card.key for card in parse_cards(header)} - COMMENTARY
