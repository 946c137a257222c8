"""Operators of Ophidia that are for climate files or for its own servers: what to use instead."""

from __future__ import annotations

from typing import Final

from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["INSTEAD"]

_IMPORT: Final = "oph_importfits imports FITS images"
_EXPORT: Final = "oph_exportfits writes FITS; in Python, cube.to_dataset() gives an xarray dataset"
_APPEND: Final = "oph_concatfits appends a FITS image to a cube"

INSTEAD: Final = {
    "oph_b2drop": "files are in the data repository; oph_fs lists and moves them",
    "oph_cdo": "oph_apply, oph_reduce and oph_intercube do arithmetic; oph_script runs a program",
    "oph_concatesdm": _APPEND,
    "oph_concatesdm2": _APPEND,
    "oph_concatnc": _APPEND,
    "oph_concatnc2": _APPEND,
    "oph_explorenc": "oph_explorefits looks into a FITS file",
    "oph_exportesdm": _EXPORT,
    "oph_exportesdm2": _EXPORT,
    "oph_exportnc": _EXPORT,
    "oph_exportnc2": _EXPORT,
    "oph_importesdm": _IMPORT,
    "oph_importesdm2": _IMPORT,
    "oph_importnc": _IMPORT,
    "oph_importnc2": _IMPORT,
    "oph_importncs": _IMPORT,
    "oph_log_info": "the log is the file of the setting log_file",
}
"""Names, and what does something of the kind here."""

_OF_SERVERS: Final = {"oph_b2drop", "oph_log_info"}


class _Elsewhere(Operator):
    """Base of operators that are not for astronomy."""

    kind = "C"

    def run(self, given: Given, context: Context) -> Answer:
        """Refuse, and say what to use."""
        what = "servers of Ophidia" if self.name in _OF_SERVERS else "climate files"
        msg = f"{self.name} is not there: it is for {what}"
        raise OperatorFailed(msg, INSTEAD[self.name])


for _name, _remedy in INSTEAD.items():
    operator(
        type(
            f"{_name.title().replace('_', '')}",
            (_Elsewhere,),
            {
                "name": _name,
                "title": "Not for astronomy.",
                "text": f"Instead: {_remedy}.",
                "__module__": __name__,
                "__doc__": "An operator that is not for astronomy.",
            },
        )
    )
