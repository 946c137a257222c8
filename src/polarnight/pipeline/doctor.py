"""Checks of an installation: what is there, what is missing, and what to do about it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from polarnight.errors import PolarnightError

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["Finding", "examine"]

_LEAST_FREE_GB = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    verdict: Literal["ok", "note", "bad"]
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Run all checks.

    Returns
    -------
    list of Finding
        In a fixed order; a check that cannot be made is a bad finding, not an exception.
    """
    checks: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
        ("python", _python),
        ("kernels", _kernels),
        ("plug-ins", _plugins),
        ("data directory", _data),
        ("database", _database),
        ("star catalogues", _stars),
        ("sources", _sources),
        ("cubes", _cubes),
    )
    findings = []
    for name, check in checks:
        try:
            findings.append(check(settings))
        except (PolarnightError, OSError) as error:
            findings.append(Finding(name, "bad", str(error)))
    return findings


def _python(settings: Settings) -> Finding:
    numbers = ", ".join(f"{name} {version(name)}" for name in ("polarnight", "astropy", "numpy"))
    return Finding("python", "ok", f"{sys.version.split()[0]}; {numbers}")


def _kernels(settings: Settings) -> Finding:
    from polarnight import _native

    if _native.library() is not None:
        return Finding("kernels", "ok", "compiled")
    return Finding(
        "kernels",
        "note",
        "no compiled library: the slower numpy kernels serve, with the same results",
    )


def _plugins(settings: Settings) -> Finding:
    from polarnight.instruments import all_instruments, left_out
    from polarnight.telescopes import all_telescopes

    names = [*all_instruments(), *all_telescopes()]
    faults = left_out()
    if faults:
        return Finding("plug-ins", "bad", "; ".join(f"left out: {f}" for f in faults.values()))
    return Finding("plug-ins", "ok" if names else "bad", ", ".join(names) or "none is installed")


def _data(settings: Settings) -> Finding:
    root = settings.data.root
    free = shutil.disk_usage(root).free / 1e9
    probe = root / ".doctor"
    probe.touch()
    probe.unlink()
    nights = len(settings.data.epochs())
    counted = f"{nights} night" if nights == 1 else f"{nights} nights"
    text = f"{root}: writable, {free:.0f} GB free, {counted}"
    return Finding("data directory", "ok" if free > _LEAST_FREE_GB else "note", text)


def _database(settings: Settings) -> Finding:
    from django.db import Error, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes("polarnight"))
    except Error as error:
        return Finding("database", "bad", str(error))
    vendor = connection.vendor
    if pending:
        return Finding("database", "bad", f"{vendor}: {len(pending)} migrations are not applied")
    return Finding("database", "ok", f"{vendor}, all migrations applied")


def _stars(settings: Settings) -> Finding:
    from polarnight.astrometry import LocalCatalogue

    manifests = LocalCatalogue(settings.data.stars).manifests
    if not manifests:
        return Finding(
            "star catalogues", "note", "none: frames cannot be solved; `polarnight stars import`"
        )
    return Finding("star catalogues", "ok", ", ".join(manifests))


def _sources(settings: Settings) -> Finding:
    from polarnight.db import AstroSource

    count = AstroSource.objects.count()
    if not count:
        return Finding("sources", "note", "none: nothing is measured; `polarnight sources import`")
    return Finding("sources", "ok", f"{count} in the catalogue")


def _cubes(settings: Settings) -> Finding:
    from polarnight.cubes.store.store import CubeStore
    from polarnight.pipeline.orphans import orphans

    where = {"threads": "in threads", "local": "in processes of this machine"}
    scheduler = settings.cubes.scheduler
    kept = CubeStore(settings.data.cubes).listing()
    size = sum(cube.size for cube in kept) / 1e6
    text = f"computed {where.get(scheduler, f'on {scheduler}')}; {len(kept)} kept, {size:.0f} MB"
    left = orphans(settings)
    if left:
        size = sum(cube.size for cube in left) / 1e6
        text += f"; nothing needs {len(left)} of them, {size:.0f} MB: `polarnight doctor --sweep`"
    return Finding("cubes", "note" if left else "ok", text)
