"""Names of nights and files: pure functions, no database."""

from __future__ import annotations

import re
from datetime import date

from polarnight.errors import ConfigError

__all__ = ["format_epochname", "parse_epochname", "parse_fileloc", "parse_night"]

_REMEDY = "use TELESCOPE/yyyy-mm-dd, TELESCOPE/yyyymmdd or TELESCOPE/yymmdd"


def parse_night(text: str) -> date:
    """Return the date of ``2024-04-08``, ``20240408`` or ``240408`` (years are 20yy).

    Raises
    ------
    ConfigError
        Where the text is no date of these forms.
    """
    match = (
        re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text, re.ASCII)
        or re.fullmatch(r"(\d{4})(\d\d)(\d\d)", text, re.ASCII)
        or re.fullmatch(r"(\d\d)(\d\d)(\d\d)", text, re.ASCII)
    )
    if match is None:
        msg = f"{text!r} is not a night; use yyyy-mm-dd, yyyymmdd or yymmdd"
        raise ConfigError(msg)
    year, month, day = (int(part) for part in match.groups())
    try:
        return date(year if year > 99 else 2000 + year, month, day)
    except ValueError as error:
        msg = f"{text!r} is not a night: {error}"
        raise ConfigError(msg) from None


def parse_epochname(text: str) -> tuple[str, date]:
    """Return (full name of the telescope, night) of the name of an epoch.

    Parameters
    ----------
    text : str
        Such as ``OSN-T090/2024-04-08``, ``T090/240408`` or ``T090/20240408``.

    Raises
    ------
    ConfigError
        Where the form, the telescope or the date is wrong.
    """
    telescope, slash, night = text.strip().strip("/").partition("/")
    if not slash:
        msg = f"{text!r} is not the name of an epoch; {_REMEDY}"
        raise ConfigError(msg)
    return _telescope(telescope), parse_night(night)


def parse_fileloc(text: str) -> tuple[str, date, str]:
    """Return (telescope, night, file name) of ``TELESCOPE/night/file``.

    Raises
    ------
    ConfigError
        Where a part is missing or wrong.
    """
    head, slash, filename = text.strip().rpartition("/")
    if not slash or "/" not in head or not filename:
        msg = f"{text!r} is not the place of a file; use TELESCOPE/yyyy-mm-dd/FILE"
        raise ConfigError(msg)
    if head.strip("/").count("/") > 1:
        msg = (
            f"{text!r} is a path; use TELESCOPE/yyyy-mm-dd/FILE, the last three parts of a path "
            "under raw/"
        )
        raise ConfigError(msg)
    telescope, night = parse_epochname(head)
    return telescope, night, filename


def format_epochname(telescope: str, night: date) -> str:
    """Return the name of an epoch, such as ``OSN-T090/2024-04-08``."""
    return f"{telescope}/{night.isoformat()}"


def _telescope(text: str) -> str:
    from polarnight.telescopes import get_telescope

    return str(get_telescope(text).name)
