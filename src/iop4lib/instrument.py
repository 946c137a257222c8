"""`iop4lib.instruments`, as the documentation of IOP4 spells it where it names the base class."""

from iop4lib.instruments import Instrument

__all__ = ["Instrument"]
