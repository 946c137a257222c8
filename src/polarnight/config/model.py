"""The settings: names, types, limits and defaults, in one place."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
)

from polarnight.config.paths import DataDir

__all__ = [
    "ArchiveSettings",
    "AstrometrySettings",
    "CalibrationSettings",
    "CubesSettings",
    "PhotometrySettings",
    "PolarimetrySettings",
    "QualitySettings",
    "Settings",
    "StagesSettings",
    "WebSettings",
]


def _absolute(path: Path) -> Path:
    """Expand ``~`` and make a path independent of later changes of directory."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  (resolve() follows links)


def _level(value: Any) -> Any:
    """Accept the name of a logging level as well as its number."""
    if isinstance(value, str) and not value.strip().isdigit():
        number = logging.getLevelNamesMapping().get(value.strip().upper())
        if number is None:
            msg = f"no logging level {value!r}; use DEBUG, INFO, WARNING, ERROR or a number"
            raise ValueError(msg)
        return number
    return value


def _increasing(radii: tuple[float, float]) -> tuple[float, float]:
    if radii[0] >= radii[1]:
        msg = "the outer radius must be larger than the inner one"
        raise ValueError(msg)
    return radii


def _formats(text: str) -> str:
    """Refuse a format that every line of the log would stumble over."""
    try:
        logging.Formatter(text).format(logging.makeLogRecord({"msg": ""}))
    except (ValueError, KeyError, TypeError) as error:
        msg = f"no format of a line of the log ({error})"
        raise ValueError(msg) from None
    return text


def _places(value: Any) -> Any:
    """Take one place, or several as the search path of a shell has them."""
    if isinstance(value, str):
        return [part for part in value.split(os.pathsep) if part.strip()]
    return [value] if isinstance(value, Path) else value


def _hosts(value: Any) -> Any:
    """Take names separated by commas as well as a list of them."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


UserPath = Annotated[Path, AfterValidator(_absolute)]
LogLevel = Annotated[int, BeforeValidator(_level), Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

EXTINCTION = {
    "U": 0.48, "B": 0.23, "V": 0.13, "R": 0.09, "I": 0.05,
    "u": 0.47, "g": 0.17, "r": 0.10, "i": 0.06, "z": 0.05,
}  # fmt: skip
"""Magnitudes per airmass by band, typical of a site at 2000 to 3000 m.

V is the median of La Palma over 20 years (Garcia-Gil, Munoz-Tunon and Varela 2010, PASP 122,
1109); the others follow it as Rayleigh scattering, aerosols and ozone do.
"""


class _Part(BaseModel):
    """What all parts of the settings share: no unknown keys, no changes, no surprises."""

    # A user or a name of digits only is a number in YAML, and text everywhere else.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True
    )


class CalibrationSettings(_Part):
    """How masters are made, chosen and applied."""

    combine: Literal["median", "mean", "clipped_mean", "clipped_median"] = Field(
        "clipped_mean", description="how frames are combined into a master"
    )
    nsigma: Positive = Field(4.0, description="limit of clipping, in robust sigmas")
    max_iterations: int = Field(5, ge=0, description="rounds of clipping at most")
    recommended_frames: int = Field(
        5, ge=1, description="a master of fewer frames is made with a warning"
    )
    near_days: Positive = Field(7.0, description="days within which a master is near (level 1)")
    allow_risky: bool = Field(
        True, description="use a master outside its range of validity (level 3), flagged"
    )
    allow_missing: bool = Field(
        False, description="reduce a frame although a required master is missing, flagged"
    )
    cosmic_rays: bool = Field(True, description="find cosmic rays in light frames")


class AstrometrySettings(_Part):
    """How frames are solved."""

    radius_deg: Positive = Field(0.5, description="radius about a pointing that is searched")
    scale_tolerance: float = Field(
        0.05, gt=0, lt=0.5, description="relative tolerance of the pixel scale"
    )
    max_rms_arcsec: Positive = Field(1.0, description="largest residual of an accepted solution")
    pictures: bool = Field(False, description="save a picture of every solved frame")
    blind: bool = Field(
        False, description="ask astrometry.net (the extra blind) where all pointings fail"
    )
    online: bool = Field(
        False, description="fetch field stars over the network where a run has none on disk"
    )
    online_catalogue: Literal["gaia", "apass", "ps1", "sdss"] = Field(
        "gaia", description="star catalogue that a run fetches"
    )
    online_timeout: Positive = Field(60.0, description="seconds to wait for such a service")


class PhotometrySettings(_Part):
    """How fluxes become magnitudes."""

    aperture_sigma: Positive = Field(3.0, description="aperture radius, in sigmas of the seeing")
    annulus_sigma: Annotated[tuple[Positive, Positive], AfterValidator(_increasing)] = Field(
        (5.0, 9.0), description="inner and outer radius of the sky annulus, in sigmas"
    )
    catalogue_calibrators: bool = Field(
        False, description="calibrate with field stars where a source has no calibrators"
    )
    limit_sigma: Positive = Field(3.0, description="significance below which a limit is given")
    colour_term: bool = Field(
        False, description="fit a colour term to the calibrators of a source, where they allow it"
    )
    growth_curve: bool = Field(
        False, description="measure sources in the radii of a curve of growth too"
    )
    host_galaxies: bool = Field(
        True, description="take off the light of host galaxies, where there is a table of it"
    )
    host_tables: UserPath | None = Field(
        None, description="CSV file with further tables of host galaxies"
    )
    host_minutes: Positive = Field(
        30.0,
        description="time within which a magnitude serves polarimetry that has none of its own",
    )


class PolarimetrySettings(_Part):
    """How cycles of angles become Stokes parameters."""

    debias: Literal["mas", "wardle-kronberg", "none"] = Field(
        "mas", description="estimator of the degree of polarization"
    )
    method: Literal["fit", "ratios"] = Field(
        "fit", description="fit to the angles of a half-wave plate, or ratios of complete fours"
    )
    beam_gain: bool = Field(True, description="fit the gain ratio of the two beams")
    clip: Positive = Field(5.0, description="limit of outliers, in sigmas")
    max_gap_minutes: Positive = Field(20.0, description="longest pause inside a cycle of angles")
    transparency: Literal["auto", "always", "never"] = Field(
        "auto",
        description="divide fluxes of one beam by the mean of the other stars: where these "
        "changed, always or never",
    )
    field_polarization: Positive = Field(
        0.003,
        description="error of the assumption that the stars of a field are unpolarized as a "
        "whole, a fraction",
    )


class QualitySettings(_Part):
    """When a change from one night to the next is worth a warning."""

    bias_shift: Positive = Field(
        1.0, description="change of the bias level, in sigmas of the read noise of a pixel"
    )
    read_noise_change: Positive = Field(0.2, description="relative change of the read noise")
    dark_change: Positive = Field(0.5, description="relative change of the dark rate")
    defects_change: Positive = Field(
        0.5, description="relative change of the number of hot and unstable pixels"
    )
    flat_rms: Positive = Field(
        0.005, description="scatter of the ratio of two flats beyond noise, as a fraction"
    )
    flat_large_scale: Positive = Field(
        0.02, description="change of a flat on large scales, as a fraction"
    )
    spot_contrast: Positive = Field(
        0.01, description="change of a compact place of a flat that is dust, as a fraction"
    )
    new_spots: int = Field(3, ge=1, description="new grains of dust on a flat, number")
    predecessor_days: Positive = Field(
        365.0, description="age of a master beyond which it is no predecessor, days"
    )
    reference_days: Positive = Field(
        365.0, description="days before a night whose zero points are what is usual"
    )
    reference_nights: int = Field(
        3, ge=1, description="nights that it takes to know what is usual, number"
    )
    extinction: dict[str, NotNegative] = Field(
        default_factory=lambda: dict(EXTINCTION),
        description="magnitudes per airmass by band, where no night tells; of a good site "
        "unless given",
    )
    extinction_airmass: Positive = Field(
        0.3, description="range of airmass that it takes to fit the extinction of a night"
    )
    photometric_scatter: Positive = Field(
        0.02,
        description="scatter of zero points about that fit beyond which a night has clouds, mag",
    )


class CubesSettings(_Part):
    """Where cubes are named, looked for and computed."""

    base_url: str = Field(
        "http://localhost/polarnight",
        pattern=r"^[a-z][a-z0-9+.-]*://[^\s|;=\[\]]+$",
        description="beginning of the PIDs of cubes",
    )
    scheduler: str = Field(
        "threads",
        pattern=r"^(threads|local|(tcp|tls|ws|wss)://.+)$",
        description="threads, local (processes of this machine) or the address of a Dask scheduler",
    )
    memory_fraction: float = Field(
        0.25, gt=0, le=0.9, description="of the memory of the machine that work on cubes may take"
    )
    import_roots: Annotated[tuple[UserPath, ...], BeforeValidator(_places)] = Field(
        (), description="directories, besides the data directory, that files may come from"
    )
    scripts: dict[str, UserPath] = Field(
        default_factory=dict,
        description="programs that oph_script and oph_generic may run, by name; none unless given",
    )
    workflow_tasks: int = Field(
        100_000, ge=1, description="of one workflow at most, turns of loops included, number"
    )
    script_timeout: Positive = Field(600.0, description="seconds after which they are stopped")


class WebSettings(_Part):
    """How the web site is served, and who may see it."""

    host: str = Field("127.0.0.1", description="address that `polarnight serve` listens on")
    port: int = Field(8765, ge=0, le=65535, description="its port; 0 for any that is free")
    workers: int = Field(2, ge=1, le=64, description="processes that answer requests")
    threads: int = Field(4, ge=1, le=256, description="threads of each of them")
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_hosts)] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        description="names under which browsers may reach the site, separated by commas",
    )
    anonymous: Literal["nothing", "viewer"] = Field(
        "nothing", description="what people may see without a log-in: nothing, or what viewers see"
    )
    https: bool = Field(
        False, description="the site is reached by https only, through a proxy that ends TLS"
    )
    hsts_days: int = Field(
        0, ge=0, description="days for which browsers insist on https (HSTS); 0 for never"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=8, description="proxies in front, each of which adds to X-Forwarded-For"
    )
    key_file: UserPath | None = Field(
        None,
        description="file with the key that signs sessions; web-key in the data directory, "
        "made when it is missing, unless given",
    )
    session_hours: Positive = Field(24.0 * 14, description="hours after which a log-in ends")
    login_failures: int = Field(
        5, ge=1, description="wrong passwords of a user from one address, then a pause"
    )
    login_failures_of_address: int = Field(
        60, ge=1, description="wrong passwords from one address for any users, then a pause"
    )
    login_failures_of_user: int = Field(
        40, ge=1, description="wrong passwords of a user from any addresses, then one by one"
    )
    login_pause_minutes: Positive = Field(15.0, description="length of those pauses")
    token_days: int = Field(
        365, ge=1, le=3650, description="days that an API token is valid, at most"
    )
    console_minutes: Positive = Field(
        10.0, description="minutes that a command of the console may take; longer work is a job"
    )
    console_bytes: int = Field(
        16_000_000, ge=1_000, description="of an answer of the console, at most"
    )
    debug: bool = Field(False, description="show tracebacks in the browser: never in public")


class IngestSettings(_Part):
    """How raw files come into the archive."""

    link: bool = Field(False, description="link to the files instead of copying them")
    wait: bool = Field(False, description="wait where somebody else works on one of the nights")


class RunSettings(_Part):
    """What a run does where the command does not say."""

    all_local: bool = Field(False, description="every night of the raw archive")
    force: bool = Field(False, description="make everything anew")
    retry_failed: bool = Field(False, description="try again what failed before")
    reclassify: bool = Field(False, description="read all headers anew")
    only: Literal["masters", "reduce", "photometry", "polarimetry"] | None = Field(
        None, description="one part of the night"
    )
    dry_run: bool = Field(False, description="say what would be done, and why; do nothing")
    wait: bool = Field(False, description="wait where somebody else works on one of the nights")


class StagesSettings(_Part):
    """What stages of other packages may take; changes no result."""

    seconds: Positive = Field(
        300.0, description="time for one frame, cycle or master, after which it is stopped"
    )
    memory_fraction: float = Field(
        0.25, gt=0, le=1, description="of the memory of the machine, for each of them"
    )


class ArchiveSettings(_Part):
    """Where the archive of a telescope is, and who asks."""

    address: str | None = Field(None, description="of its server")
    user: str | None = Field(None, description="name there")
    password: SecretStr | None = Field(None, description="never shown")


class Settings(_Part):
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
    instruments_path: Annotated[tuple[UserPath, ...] | None, BeforeValidator(_places)] = Field(
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
    log_format: Annotated[str, AfterValidator(_formats)] = Field(
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
