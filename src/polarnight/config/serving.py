"""Settings of cubes and of the web site."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from polarnight.config.kinds import Part, Positive, UserPath, hosts, places

__all__ = ["CubesSettings", "WebSettings"]


class CubesSettings(Part):
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
    import_roots: Annotated[tuple[UserPath, ...], BeforeValidator(places)] = Field(
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


class WebSettings(Part):
    """How the web site is served, and who may see it."""

    host: str = Field("127.0.0.1", description="address that `polarnight serve` listens on")
    port: int = Field(8765, ge=0, le=65535, description="its port; 0 for any that is free")
    workers: int = Field(2, ge=1, le=64, description="processes that answer requests")
    threads: int = Field(4, ge=1, le=256, description="threads of each of them")
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(hosts)] = Field(
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
