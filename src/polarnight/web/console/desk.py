"""Where commands of all processes of the site are noted: how far they are, and their answers.

A command that takes longer than a request may goes on, and whoever asks for it next may be
answered by another process. So each has a file in the data directory, which any of them reads.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

from polarnight.frames.atomic import atomic_write

__all__ = ["Desk"]

_NAME = re.compile(r"[A-Za-z0-9_-]{16,64}")
_KEPT = 86_400.0  # seconds that an answer waits for whoever asked
_LOST = 60.0  # seconds without a sign of life


class Desk:
    """The notes of the commands of one data directory.

    Parameters
    ----------
    datadir : Path
    """

    def __init__(self, datadir: Path) -> None:
        self._place = datadir / "web-console"

    @staticmethod
    def is_name(run: str) -> bool:
        """Return whether a text can be the name of a run."""
        return _NAME.fullmatch(run) is not None

    def _file(self, user: str, run: str, ending: str = "json") -> Path:
        # Whoever knows the name of another's run gets another file.
        name = hashlib.sha256(f"{user}\0{run}".encode()).hexdigest()
        return self._place / f"{name}.{ending}"

    def note(self, user: str, run: str, content: dict[str, Any]) -> None:
        """Write down how far a run is, or what it answered."""
        if not self._place.is_dir():
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_write(self._file(user, run)) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")

    def read(self, user: str, run: str) -> dict[str, Any] | None:
        """Return what is noted of a run, None where there is none; a lost one says ``LOST``."""
        file = self._file(user, run)
        try:
            content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            silent = time.time() - file.stat().st_mtime
        except (OSError, ValueError):
            return None
        if content.get("state") == "RUNNING" and silent > _LOST:
            return {**content, "state": "LOST"}
        return content

    def ask_to_stop(self, user: str, run: str) -> None:
        """Leave word for the process that runs it."""
        if self._place.is_dir():
            self._file(user, run, "stop").touch(mode=0o600)

    def is_to_stop(self, user: str, run: str) -> bool:
        """Return whether somebody left word, and take it."""
        try:
            self._file(user, run, "stop").unlink()
        except OSError:
            return False
        return True

    def tidy(self) -> None:
        """Remove what nobody came for."""
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._place):
                if time.time() - entry.stat().st_mtime > _KEPT:
                    Path(entry.path).unlink(missing_ok=True)
