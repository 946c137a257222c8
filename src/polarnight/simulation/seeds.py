"""Random generators that depend on what they are for, and on nothing else.

Each frame and each part of the detector has its own generator, so that leaving one out,
or rendering them in another order, changes no other.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np

__all__ = ["generator"]


def generator(*purpose: str | int) -> np.random.Generator:
    """Return the random generator of a purpose.

    Parameters
    ----------
    *purpose : str or int
        Words and numbers that name the purpose, such as ``"frame", 7``.
    """
    words = [crc32(p.encode()) if isinstance(p, str) else abs(int(p)) for p in purpose]
    kinds = sum(isinstance(p, str) << i for i, p in enumerate(purpose))
    return np.random.default_rng(np.random.SeedSequence([kinds, *words]))
