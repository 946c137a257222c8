"""The data directory: where every file has its place.

::

    raw/<telescope>/<night>/<file>
    masterbias|masterdark|masterflat/<telescope>/<night>/<master file>
    calibration/<telescope>/<night>/<file>.d/RawFit|ReducedFit|MasterBias|.../<file>
    calibration/polarization/<instrument>/<band>_<first night>_<last night>.json
    astrosource/<name>/...
    logs/*.log
    cubes/                 cubes that were computed and kept
    stars/                 star catalogues of the plate solver (imported by the user)
    crosscheck/            light curves of others, to compare ours with (put there by the user)
    iop4.db
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

__all__ = ["MASTER_DIRECTORIES", "DataDir"]

MASTER_DIRECTORIES = {"BIAS": "masterbias", "DARK": "masterdark", "FLAT": "masterflat"}
"""Directory of the masters by the type of their frames."""

_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]')


def _night(night: date | str) -> str:
    # fromisoformat also refuses what is no date, so that no typing error makes a directory.
    if isinstance(night, date):
        return night.isoformat()
    try:
        return date.fromisoformat(night).isoformat()
    except ValueError as error:
        msg = f"{night!r} is not a night: {error}"
        raise ValueError(msg) from None


def _name(name: str) -> str:
    """Return a single component of a path, or refuse it."""
    if not name or name in {".", ".."} or "/" in name or "\x00" in name:
        msg = f"{name!r} cannot be the name of a file or directory"
        raise ValueError(msg)
    return name


@dataclass(frozen=True, slots=True)
class DataDir:
    """The layout of a data directory; makes paths, creates nothing unless asked.

    Parameters
    ----------
    root : Path
    db_path : Path, optional
        The SQLite file, where it is not ``iop4.db`` under `root`.
    stars_path : Path, optional
        The star catalogues, where they are not in ``stars`` under `root`.
    log_file : Path, optional
        The log, where it is not ``logs/polarnight.log`` under `root`.

    Raises
    ------
    ValueError
        By the methods, for a name that would leave its directory or a night that is no date.
    """

    root: Path
    _db_path: Path | None = None
    _stars_path: Path | None = None
    _log_file: Path | None = None

    def __init__(
        self,
        root: Path | str,
        *,
        db_path: Path | None = None,
        stars_path: Path | None = None,
        log_file: Path | None = None,
    ) -> None:
        object.__setattr__(self, "root", Path(root))
        object.__setattr__(self, "_db_path", db_path)
        object.__setattr__(self, "_stars_path", stars_path)
        object.__setattr__(self, "_log_file", log_file)

    @property
    def raw(self) -> Path:
        """Root of the raw archive."""
        return self.root / "raw"

    @property
    def logs(self) -> Path:
        """Directory of the logs."""
        return self.root / "logs"

    @property
    def log_file(self) -> Path:
        """The log of the pipeline."""
        return self._log_file or self.logs / "polarnight.log"

    @property
    def db_path(self) -> Path:
        """The SQLite file."""
        return self._db_path or self.root / "iop4.db"

    @property
    def stars(self) -> Path:
        """Directory of the star catalogues."""
        return self._stars_path or self.root / "stars"

    @property
    def cubes(self) -> Path:
        """Directory of cubes that were computed and kept."""
        return self.root / "cubes"

    @property
    def crosscheck(self) -> Path:
        """Directory of the light curves of others."""
        return self.root / "crosscheck"

    def raw_dir(self, telescope: str, night: date | str) -> Path:
        """Return the directory of the raw files of a night."""
        return self.raw / _name(telescope) / _night(night)

    def raw_path(self, telescope: str, night: date | str, filename: str) -> Path:
        """Return the path of a raw file."""
        return self.raw_dir(telescope, night) / _name(filename)

    def master_dir(self, kind: str, telescope: str, night: date | str) -> Path:
        """Return the directory of the masters of a `kind`: BIAS, DARK or FLAT."""
        return self.root / MASTER_DIRECTORIES[kind] / _name(telescope) / _night(night)

    def master_path(self, kind: str, telescope: str, night: date | str, filename: str) -> Path:
        """Return the path of a master."""
        return self.master_dir(kind, telescope, night) / _name(filename)

    def file_dir(self, telescope: str, night: date | str, filename: str) -> Path:
        """Return the directory ``<file>.d`` of all that is derived from a file."""
        return self.root / "calibration" / _name(telescope) / _night(night) / f"{_name(filename)}.d"

    def rawfit_dir(self, telescope: str, night: date | str, filename: str) -> Path:
        """Return the directory of the previews of a raw file."""
        return self.file_dir(telescope, night, filename) / "RawFit"

    def reduced_dir(self, telescope: str, night: date | str, filename: str) -> Path:
        """Return the directory of a reduced frame and its pictures."""
        return self.file_dir(telescope, night, filename) / "ReducedFit"

    def reduced_path(self, telescope: str, night: date | str, filename: str) -> Path:
        """Return the path of a reduced frame; it keeps the name of the raw file.

        A compressed raw file becomes a plain one, so the suffix of compression goes.
        """
        plain = re.sub(r"(?i)(\.gz|\.fz|\.bz2)$", "", _name(filename))
        return self.reduced_dir(telescope, night, filename) / plain

    def polarization_path(
        self, instrument: str, band: str, first: date | str, last: date | str
    ) -> Path:
        """Return the path of a calibration of the instrumental polarization."""
        directory = self.root / "calibration" / "polarization" / _name(instrument)
        return directory / f"{_name(band)}_{_night(first)}_{_night(last)}.json"

    def astrosource_dir(self, name: str) -> Path:
        """Return the directory of a source; characters no file system likes become ``_``."""
        return self.root / "astrosource" / _name(_UNSAFE.sub("_", name.strip()))

    def relative(self, path: Path | str) -> str:
        """Return a path under the root as POSIX text, as the database keeps it.

        Raises
        ------
        ValueError
            Where the path does not lie under the root.
        """
        return Path(path).relative_to(self.root).as_posix()

    def absolute(self, path: str) -> Path:
        """Return the path of a text made by `relative`."""
        return self.root / path

    def epochs(self) -> list[tuple[str, date]]:
        """Return (telescope, night) of every directory of the raw archive, sorted.

        Anything that is not a directory named after a date is passed over.
        """
        found = []
        if not self.raw.is_dir():
            return []
        for telescope in sorted(self.raw.iterdir()):
            if not telescope.is_dir() or telescope.name.startswith("."):
                continue
            for night in sorted(telescope.iterdir()):
                if night.is_dir() and re.fullmatch(r"\d{4}-\d\d-\d\d", night.name):
                    try:
                        found.append((telescope.name, date.fromisoformat(night.name)))
                    except ValueError:  # such as 2024-13-45
                        continue
        return found

    def ensure(self) -> None:
        """Create the root and the directory of logs where they do not exist."""
        for directory in (self.root, self.logs, self.log_file.parent, self.db_path.parent):
            directory.mkdir(parents=True, exist_ok=True)
