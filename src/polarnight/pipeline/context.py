"""What one run carries along: settings, where work runs, what is asked, and the report."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from polarnight.db.locks import Held
from polarnight.errors import ConfigError
from polarnight.pipeline.executor import Outcome, Task, WorkPool
from polarnight.pipeline.timings import Timings
from polarnight.progress import track

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.pipeline.recipes.book import RecipeBook

__all__ = ["PARTS", "RunContext", "RunOptions", "RunReport", "StepReport"]

_LOG = logging.getLogger("polarnight.pipeline")

PARTS = ("masters", "reduce", "photometry", "polarimetry")
"""Parts of a night, in order."""


@dataclass(frozen=True)
class RunOptions:
    """What is asked of a run.

    Attributes
    ----------
    all_local : bool
        Every night of the raw archive.
    force : bool
        Make everything anew, also what is current.
    retry_failed : bool
        Try again what failed before and has not changed since.
    reclassify : bool
        Read all headers anew, as after a change in the code of a plug-in. Those of instruments
        that are declared otherwise than before are read in any case.
    only : str or None
        One of `PARTS`; all where None.
    wait : bool
        Wait where somebody else works on one of the nights; else that is an error.
    dry_run : bool
        Only say what would be done, and why.
    quiet : bool
        Show no progress.

    Raises
    ------
    ConfigError
        Where `only` is none of `PARTS`.
    """

    all_local: bool = False
    force: bool = False
    retry_failed: bool = False
    reclassify: bool = False
    only: str | None = None
    dry_run: bool = False
    wait: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.only is not None and self.only not in PARTS:
            msg = f"--only {self.only}: choose one of {', '.join(PARTS)}"
            raise ConfigError(msg)

    def wants(self, part: str) -> bool:
        """Return whether a part is asked for."""
        return self.only in (None, part)


@dataclass
class StepReport:
    """What one part of the run did.

    Attributes
    ----------
    done, current : int
        Products made, and products that were up to date already.
    failed, warned : list of (what, reason)
    planned : list of (what, why)
        What is (or in a dry run, would be) made, and why it is needed.
    """

    done: int = 0
    current: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    warned: list[tuple[str, str]] = field(default_factory=list)
    planned: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class RunReport:
    """What a run did, part by part."""

    epochs: list[str] = field(default_factory=list)
    steps: dict[str, StepReport] = field(default_factory=dict)
    seconds: float = 0.0
    dry_run: bool = False

    def step(self, name: str) -> StepReport:
        """Return the report of a part, made where it is not there yet."""
        return self.steps.setdefault(name, StepReport())

    @property
    def failed(self) -> list[tuple[str, str]]:
        """Everything that failed, with its reason."""
        return [entry for step in self.steps.values() for entry in step.failed]


@dataclass
class RunContext:
    """A run: handed from part to part.

    `held` are the locks of its nights. `due` names the masters and frames that are planned, so
    that a dry run, which makes none of them, can say what depends on them.
    """

    settings: Settings
    options: RunOptions
    pool: WorkPool
    report: RunReport
    held: Held = field(default_factory=lambda: Held([]))
    timings: Timings = field(default_factory=Timings)
    due: set[str] = field(default_factory=set)

    @cached_property
    def recipes(self) -> RecipeBook:
        """The recipes under the settings."""
        from polarnight.pipeline.recipes.book import RecipeBook

        return RecipeBook(self.settings)

    def run(self, tasks: Sequence[Task], what: str) -> Iterator[Outcome]:
        """Run tasks with progress; log errors that are bugs with their traceback."""
        outcomes = track(self.pool.run(tasks), len(tasks), what, quiet=self.options.quiet)
        for outcome in outcomes:
            self.held.check()
            if not outcome.ok:
                _LOG.debug("%s", outcome.trace)
            yield outcome

    def plan(self, part: str, what: str, why: str) -> None:
        """Note that a product is to be made, and why."""
        self.report.step(part).planned.append((what, why))
        self.due.add(what)

    def waits_for(self, *products: str) -> str:
        """Return why a product may change in a dry run, ``""`` where it does not."""
        if not self.options.dry_run:
            return ""
        changing = [product for product in products if product in self.due]
        return f"{changing[0]} may change" if changing else ""

    def fail(self, part: str, what: str, reason: str) -> None:
        """Note and log a failure."""
        self.report.step(part).failed.append((what, reason))
        _LOG.warning("%s: %s", what, reason)

    def count_current(self, part: str, what: str, error: str = "") -> None:
        """Count a product that stays as it is; one that failed before has failed still."""
        if error:
            self.report.step(part).failed.append((what, f"{error} (unchanged; --retry-failed)"))
        else:
            self.report.step(part).current += 1

    def warn(self, part: str, what: str, reason: str) -> None:
        """Note and log something an observer should know."""
        self.report.step(part).warned.append((what, reason))
        _LOG.info("%s: %s", what, reason)
