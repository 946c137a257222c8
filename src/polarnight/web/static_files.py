"""Static files that come with other packages."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

__all__ = ["BokehFinder", "bokeh_directory"]

_PREFIX = "bokeh"


def bokeh_directory() -> Path:
    """Return the directory of the JavaScript that the installed Bokeh brings.

    Without importing it, which takes half a second.
    """
    spec = find_spec("bokeh")
    if spec is None or spec.origin is None:  # pragma: no cover  (a dependency)
        msg = "bokeh is not installed"
        raise ImportError(msg)
    return Path(spec.origin).parent / "server" / "static" / "js"


class BokehFinder(BaseFinder):
    """The minified scripts of the installed Bokeh, under ``bokeh/``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = FileSystemStorage(location=bokeh_directory())
        self.storage.prefix = _PREFIX  # type: ignore[attr-defined]
        super().__init__(*args, **kwargs)

    def check(self, **kwargs: Any) -> list[Any]:
        """Find nothing wrong: there is nothing to set."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return where a static file is, or the list of all places."""
        found = [
            str(Path(self.storage.location) / name)
            for name, _ in self.list([])
            if f"{_PREFIX}/{name}" == path
        ]
        return found if find_all else (found[0] if found else [])

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, Any]]:
        """Yield the name of each script, and the storage that holds it."""
        for file in sorted(Path(self.storage.location).glob("*.min.js")):
            yield file.name, self.storage
