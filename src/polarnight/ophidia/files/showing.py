"""Places of files as they are told to users of a site."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["from_data_directory"]


def from_data_directory(text: str, site: Settings | None) -> str:
    """Return a text that names files from the data directory on: where that is, it hides.

    Parameters
    ----------
    text : str
    site : Settings or None
        Of the site; None where there is none, and the text stays as it is.
    """
    if site is None:
        return text
    root, raw = site.datadir, site.data.raw
    names = {root: "", Path(os.path.realpath(root)): ""}
    # It may be a link to another disk.
    names.setdefault(Path(os.path.realpath(raw)), raw.name)
    for place, name in sorted(names.items(), key=lambda entry: -len(str(entry[0]))):
        start = rf"(?<![\w.-]){re.escape(str(place))}"
        text = re.sub(f"{start}/", f"{name}/" if name else "", text)
        text = re.sub(rf"{start}(?![\w.-])", name or "the data directory", text)
    return text
