"""What the next run would make of a night, and why, without making it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polarnight.pipeline.associations import MasterShelf
from polarnight.pipeline.context import RunContext, RunOptions, RunReport
from polarnight.pipeline.executor import WorkPool
from polarnight.pipeline.ingest import is_due, outdated_instruments, split_twins
from polarnight.pipeline.masters import build_masters
from polarnight.pipeline.reduce import reduce_lights
from polarnight.pipeline.results import form_groups, select_stale

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db import Epoch, RawFit

__all__ = ["Pending", "pending_of"]


@dataclass(frozen=True)
class Pending:
    """What is stale in a night, and why.

    Attributes
    ----------
    masters, frames : dict
        Reasons by key of the master, and by ``telescope/night/file``.
    results : list of (files, part, reason)
        Of the groups that would be measured again.
    """

    masters: dict[str, str]
    frames: dict[str, str]
    results: list[tuple[tuple[str, ...], str, str]]

    def of_frame(self, fileloc: str) -> list[tuple[str, str]]:
        """Return (product, why) of what would be made again of a raw frame."""
        found = [("frame", self.frames[fileloc])] if fileloc in self.frames else []
        return found + [(part, why) for files, part, why in self.results if fileloc in files]


def pending_of(epoch: Epoch, settings: Settings) -> Pending:
    """Plan a night as the next run would; nothing is made, nothing is written.

    Parameters
    ----------
    epoch : Epoch
    settings : Settings
    """
    from polarnight.db import RawFit
    from polarnight.db.sources import SourceNames

    rows, _ = split_twins(RawFit.objects.filter(epoch=epoch, error="").select_related("epoch"))
    report = RunReport(dry_run=True)
    with WorkPool("serial") as pool:
        context = RunContext(settings, RunOptions(dry_run=True, quiet=True), pool, report)
        shelf = MasterShelf(context.recipes)
        build_masters(context, [epoch], rows, shelf)
        reduce_lights(context, rows, shelf, SourceNames.load())
        stale = select_stale(context, [epoch], form_groups(context, [epoch]))
    names = {"relphot": "photometry", "relpol": "polarimetry"}
    return Pending(
        masters=dict(report.step("masters").planned),
        frames=dict(report.step("reduce").planned) | _changed_files(epoch, rows),
        results=[(group.files, names[group.reduction], group.why) for group in stale],
    )


def _changed_files(epoch: Epoch, rows: list[RawFit]) -> dict[str, str]:
    """Return the raw files that the next run would read again."""
    changed = {}
    outdated = outdated_instruments(epoch)
    for row in rows:
        if not row.filepath.is_file():
            changed[row.fileloc] = "its raw file is gone"
        elif is_due(row, row.filepath):
            changed[row.fileloc] = "its raw file was written again since it was registered"
        elif row.instrument in outdated:
            changed[row.fileloc] = outdated[row.instrument]
    return changed
