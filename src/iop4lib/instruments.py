"""Instruments under the import path of IOP4; see `polarnight.instruments`."""

from polarnight.instruments import (
    Instrument,
    all_instruments,
    classify_file,
    get_instrument,
)
from polarnight.instruments.declared import DeclaredInstrument

__all__ = [
    "DeclaredInstrument",
    "Instrument",
    "all_instruments",
    "classify_file",
    "get_instrument",
]
