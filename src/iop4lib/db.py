"""The models under the import path of IOP4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polarnight.db import AperPhotResult as AperPhotResult
    from polarnight.db import AstroSource as AstroSource
    from polarnight.db import Epoch as Epoch
    from polarnight.db import MasterBias as MasterBias
    from polarnight.db import MasterDark as MasterDark
    from polarnight.db import MasterFlat as MasterFlat
    from polarnight.db import PhotoPolResult as PhotoPolResult
    from polarnight.db import RawFit as RawFit
    from polarnight.db import ReducedFit as ReducedFit

_NAMES = (
    "AperPhotResult",
    "AstroSource",
    "Epoch",
    "MasterBias",
    "MasterDark",
    "MasterFlat",
    "PhotoPolResult",
    "RawFit",
    "ReducedFit",
)


def __getattr__(name: str) -> Any:
    # At the moment of use, as polarnight.db does: models need Django to be set up.
    if name in _NAMES:
        import polarnight.db

        return getattr(polarnight.db, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])
