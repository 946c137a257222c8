"""The field stars of the polarimetric cycles of a night: tables and maps on request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.errors import AlgorithmFailed, BadFrame, ConfigError, NoWork
from polarnight.pipeline.context import RunContext, RunOptions, RunReport
from polarnight.pipeline.executor import WorkPool
from polarnight.pipeline.groups.field_map import plot_field
from polarnight.pipeline.groups.field_stars import FieldPolarization, measure_field_stars
from polarnight.pipeline.groups.measure import load_frame
from polarnight.pipeline.polarization.calibrations import CalibrationShelf
from polarnight.pipeline.recipes.book import RecipeBook
from polarnight.pipeline.results import (
    FrameGroup,
    choose_calibration_of,
    form_groups,
    frame_refs,
    group_parameters,
    with_calibration,
)

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["FieldCycle", "measure_night_fields"]


@dataclass(frozen=True)
class FieldCycle:
    """What became of the field stars of one cycle: a table and a picture, or a reason."""

    name: str
    instrument: str
    band: str
    field: FieldPolarization | None
    table: Path | None = None
    picture: Path | None = None
    reason: str = ""


def measure_night_fields(
    epochname: str,
    settings: Settings,
    directory: Path,
    *,
    object_name: str | None = None,
    min_snr: float = 20.0,
    corrected: bool = True,
) -> Iterator[FieldCycle]:
    """Measure all stars of the cycles of a night; write a table and a map for each.

    Parameters
    ----------
    epochname : str
        Such as ``"OSN-T090/2024-04-08"``.
    settings : Settings
    directory : Path
        Gets ``<first frame>.ecsv`` and ``<first frame>.png``.
    object_name : str, optional
        Only cycles whose frames say so in OBJECT.
    min_snr : float
        Least signal-to-noise ratio of a star in the first frame.
    corrected : bool
        Whether the maps show the stars after the instrumental polarization was taken off.

    Yields
    ------
    FieldCycle
        One a cycle, in order of time.

    Raises
    ------
    ConfigError
        Where there is no such night.
    NoWork
        Where it has no cycle of solved polarimetric frames.
    """
    groups = _cycles(epochname, settings, object_name)
    if not groups:
        about = f" of {object_name}" if object_name else ""
        msg = f"{epochname} has no solved polarimetric frames{about}; `polarnight run` makes them"
        raise NoWork(msg)
    directory.mkdir(parents=True, exist_ok=True)
    for group in groups:
        yield _measure(group, settings, directory, min_snr, corrected)


def _cycles(epochname: str, settings: Settings, object_name: str | None) -> list[FrameGroup]:
    from polarnight.db import Epoch
    from polarnight.db.names import parse_epochname

    telescope, night = parse_epochname(epochname)
    epoch = Epoch.objects.filter(telescope=telescope, night=night).first()
    if epoch is None:
        msg = f"there is no night {epochname}; `polarnight status` lists them"
        raise ConfigError(msg)
    options = RunOptions(only="polarimetry", dry_run=True, quiet=True)
    with WorkPool("serial") as pool:
        groups = form_groups(RunContext(settings, options, pool, RunReport(dry_run=True)), [epoch])
    wanted = object_name.casefold() if object_name else None
    return [g for g in groups if wanted is None or g.rows[0].object_name.casefold() == wanted]


def _measure(
    group: FrameGroup, settings: Settings, directory: Path, min_snr: float, corrected: bool
) -> FieldCycle:
    first = group.rows[0]
    empty = FieldCycle(group.name, first.instrument, first.band, None, reason=group.refusal)
    if group.refusal:
        return empty
    refs = frame_refs(group)
    group.calibration = choose_calibration_of(group, CalibrationShelf(RecipeBook(settings)))
    parameters = with_calibration(group_parameters(settings), group)
    try:
        field = measure_field_stars(refs, parameters, min_snr=min_snr)
    except (AlgorithmFailed, BadFrame) as error:
        return replace(empty, reason=str(error))
    stem = Path(first.filename).name.split(".")[0]
    table = directory / f"{stem}.ecsv"
    field.table.write(table, format="ascii.ecsv", overwrite=True)
    loaded = load_frame(refs[0])
    picture = directory / f"{stem}.png"
    if loaded.frame.wcs is not None:
        plot_field(
            loaded.frame.data,
            loaded.frame.wcs,
            field,
            picture,
            instrument_angle=refs[0].info.instrument_angle,
            corrected=corrected,
            title=f"{first.object_name}  {first.instrument} {first.band}  {first.epoch.night}",
        )
    return replace(empty, field=field, table=table, picture=picture)
