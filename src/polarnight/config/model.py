"""The settings: names, types, limits and defaults, in one place; their parts in modules beside."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PrivateAttr

from polarnight.config.kinds import LogLevel, Part, UserPath, line_format, places
from polarnight.config.paths import DataDir
from polarnight.config.reduction import (
    AstrometrySettings,
    CalibrationSettings,
    PhotometrySettings,
    PolarimetrySettings,
    QualitySettings,
)
from polarnight.config.running import (
    ArchiveSettings,
    IngestSettings,
    RunSettings,
    StagesSettings,
)
from polarnight.config.serving import CubesSettings, WebSettings

__all__ = [
    "ArchiveSettings",
    "AstrometrySettings",
    "CalibrationSettings",
    "CubesSettings",
    "IngestSettings",
    "PhotometrySettings",
    "PolarimetrySettings",
    "QualitySettings",
    "RunSettings",
    "Settings",
    "StagesSettings",
    "WebSettings",
]


class Settings(Part):
    """All settings of Polarnight.

    Made by `polarnight.config.load_settings`; `origins` then tells where each value came
    from. Values are also reached as ``settings["datadir"]`` or
    ``settings["photometry.aperture_sigma"]``.
    """

    datadir: UserPath = Field(
        Path("~/.iop4data"), validate_default=True, description="root of the data directory"
    )
    db_path: UserPath | None = Field(
        None, description="SQLite file; iop4.db in the data directory unless given"
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="postgresql://user:password@host:port/name; SQLite unless given",
    )
    stars_path: UserPath | None = Field(
        None, description="directory of star catalogues; stars/ in the data directory unless given"
    )
    instruments_path: Annotated[tuple[UserPath, ...] | None, BeforeValidator(places)] = Field(
        None,
        description="files, or directories of files, that declare observatories; instruments/ in "
        "the data directory unless given",
    )
    set_rawdata_readonly: bool = Field(False, description="remove write permission of raw files")
    workers: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 4), ge=1, description="processes"
    )
    threads_per_worker: int = Field(1, ge=1, description="threads inside each process")
    scheduler: str | None = Field(
        None, description="address of a Dask scheduler; a pool of this machine unless given"
    )
    log_file: UserPath | None = Field(
        None, description="logs/polarnight.log in the data directory unless given"
    )
    log_level: LogLevel = Field(logging.INFO, description="name or number")
    log_format: Annotated[str, AfterValidator(line_format)] = Field(
        "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s",
        description="of a line of the log, as Python's logging writes it",
    )
    log_date_format: str = Field("%Y-%m-%dT%H:%M:%S", description="of the times in the log")
    mplt_default_dpi: int = Field(100, ge=10, description="resolution of figures")
    archives: dict[str, ArchiveSettings] = Field(
        default_factory=dict, description="archives by telescope"
    )
    calibration: CalibrationSettings = Field(default_factory=CalibrationSettings)
    astrometry: AstrometrySettings = Field(default_factory=AstrometrySettings)
    ingest: IngestSettings = Field(default_factory=IngestSettings)
    run: RunSettings = Field(default_factory=RunSettings)
    photometry: PhotometrySettings = Field(default_factory=PhotometrySettings)
    polarimetry: PolarimetrySettings = Field(default_factory=PolarimetrySettings)
    quality: QualitySettings = Field(default_factory=QualitySettings)
    stages: StagesSettings = Field(default_factory=StagesSettings)
    cubes: CubesSettings = Field(default_factory=CubesSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    recipes: dict[str, Any] = Field(
        default_factory=dict,
        description="changes of recipes: for all, by instrument, by night (see Recipes)",
    )

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def origins(self) -> dict[str, str]:
        """Place of each value that is not a default, by dotted key."""
        return dict(self._origins)

    @property
    def data(self) -> DataDir:
        """The data directory."""
        return DataDir(
            self.datadir,
            db_path=self.db_path,
            stars_path=self.stars_path,
            log_file=self.log_file,
        )

    @property
    def web_key(self) -> Path:
        """The file of the key that signs sessions of the web site."""
        return self.web.key_file or self.datadir / "web-key"

    @property
    def instrument_places(self) -> tuple[Path, ...]:
        """Files and directories where declared observatories are looked for."""
        given = self.instruments_path
        return (self.datadir / "instruments",) if given is None else given

    def origin(self, key: str) -> str:
        """Return where a value came from, ``"default"`` where nobody set it."""
        return self._origins.get(key, "default")

    def __getitem__(self, key: str) -> Any:
        value: Any = self
        for part in key.split("."):
            known = type(value).model_fields if isinstance(value, BaseModel) else value
            if part not in known:
                raise KeyError(key)
            value = getattr(value, part) if isinstance(value, BaseModel) else value[part]
        return value

    def describe(self) -> list[tuple[str, str, str]]:
        """Return (dotted key, value, origin) of every setting; secrets stay hidden.

        Values that follow from the data directory are shown as they take effect.
        """
        effective: dict[str, Any] = {
            "db_path": self.data.db_path,
            "stars_path": self.data.stars,
            "instruments_path": os.pathsep.join(map(str, self.instrument_places)),
            "log_file": self.data.log_file,
            "web.key_file": self.web_key,
        }
        rows = []
        for key, value in _flatten(self):
            shown = effective.get(key, value)
            if key == "database_url" and shown:
                shown = hide_password(str(shown))
            rows.append((key, "" if shown is None else str(shown), self.origin(key)))
        return rows


def hide_password(url: str) -> str:
    """Return a database URL without its password."""
    head, at, tail = url.rpartition("@")
    if not at or "://" not in head:
        return url
    scheme, _, user = head.partition("://")
    return f"{scheme}://{user.split(':', 1)[0]}:***@{tail}" if ":" in user else url


def _flatten(value: BaseModel | dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    items = (
        [(name, getattr(value, name)) for name in type(value).model_fields]
        if isinstance(value, BaseModel)
        else list(value.items())
    )
    rows: list[tuple[str, Any]] = []
    for name, entry in items:
        # A table without entries still has a row: it shows that the setting is there.
        if isinstance(entry, BaseModel) or (isinstance(entry, dict) and entry):
            rows.extend(_flatten(entry, f"{prefix}{name}."))
        else:
            rows.append((prefix + name, None if entry == {} else entry))
    return rows
