"""Masters and calibrated frames by the functions of the pipeline, for cubes that show files.

The same functions with the same rules as `polarnight run` has under its default recipes, so the
same pixels to the last bit. What is made is a product file under ``cubes/products`` of the data
directory, named by everything that went in, and the cube shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.calibration import AssociationRules, MasterRecord, associate
from polarnight.frames import FrameInfo, ImageType, content_key, read_frame
from polarnight.instruments import classify_file, get_instrument
from polarnight.ophidia.errors import BadValue, OperatorFailed

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.db.models import DataCube
    from polarnight.ophidia.context import Context

__all__ = ["KINDS", "Master", "MasterChoice", "RawFrame", "raw_frames"]

KINDS = {"bias": ImageType.BIAS, "dark": ImageType.DARK, "flat": ImageType.FLAT}
"""Kinds of masters by the names of arguments."""


def path_of(row: DataCube, context: Context) -> Path:
    """Return the file that a cube shows.

    Raises
    ------
    BadValue
        Where it shows none, because it was computed.
    BadFrame
        Where the file is gone or has changed.
    """
    bench = context.server.workbench
    if not bench.is_view(row):
        msg = (
            f"{context.operator}: cube {row.place} is no frame as it was read, but was made "
            "from others"
        )
        raise BadValue(msg, "name imported cubes, or those of /archive")
    return bench.file_of(row)


@dataclass(frozen=True)
class RawFrame:
    """A raw frame behind a cube.

    Attributes
    ----------
    row : DataCube
    path : Path
    info : FrameInfo
        As the database has it, with the corrections of people, or else as the instrument reads
        the header.
    """

    row: DataCube
    path: Path
    info: FrameInfo


def raw_frames(rows: Iterable[DataCube], context: Context) -> list[RawFrame]:
    """Return the raw frames behind cubes; masters and reduced frames are passed over.

    Frames that somebody flagged to be ignored are passed over too.

    Raises
    ------
    BadValue
        Where a cube was computed.
    BadFrame
        Where no instrument knows a file.
    """
    from polarnight.db import RawFit

    found = []
    for row in rows:
        if row.level > 0:
            continue
        path = path_of(row, context)
        known = _known_raw(path, context)
        if known is None:
            found.append(RawFrame(row, path, classify_file(path)))
        elif known.info and not known.has_flag(RawFit.FLAGS["IGNORE"]):
            found.append(RawFrame(row, path, FrameInfo.from_dict(known.info)))
    return found


def _known_raw(path: Path, context: Context) -> Any:
    """Return the row of a raw file of the archive, None where it is none."""
    from polarnight.db import RawFit

    root = context.settings.data.raw
    if not path.is_relative_to(root):
        return None
    parts = path.relative_to(root).parts
    if len(parts) != 3:
        return None
    rows = RawFit.objects.filter(epoch__telescope=parts[0], filename=parts[2])
    return next((row for row in rows if str(row.filepath) == str(path)), None)


@dataclass(frozen=True)
class Master:
    """A master that frames may be given.

    Attributes
    ----------
    name : str
    kind : ImageType
    path : Path
    info : FrameInfo
    row : DataCube, optional
        Its cube, where it is one of the catalogue.
    valid_from, valid_to : float, optional
        Julian dates.
    ignored : bool
    """

    name: str
    kind: ImageType
    path: Path
    info: FrameInfo
    row: DataCube | None = None
    valid_from: float | None = None
    valid_to: float | None = None
    ignored: bool = False

    @classmethod
    def of_row(cls, row: DataCube, context: Context) -> Master:
        """Return the master behind a cube.

        Raises
        ------
        BadValue
            Where the cube is no master.
        """
        path = path_of(row, context)
        info = read_frame(path).info if row.level else None
        if info is None or info.imgtype not in KINDS.values():
            msg = f"{context.operator}: cube {row.place} is no master"
            raise BadValue(msg, "oph_master makes one")
        return cls(str(row.pk), ImageType(info.imgtype), path, info, row)

    def record(self) -> MasterRecord:
        """Return it as a candidate for association."""
        return MasterRecord.from_info(
            self.name,
            self.kind,
            self.info,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            ignored=self.ignored,
        )


@dataclass
class MasterChoice:
    """Which masters a frame gets.

    Attributes
    ----------
    settings : Settings
    given : dict
        Of ``bias``, ``dark``, ``flat``: a master, or None for none at all. What is not in it is
        chosen among the candidates by the rules of the pipeline.
    candidates : list of Master
    made : list of Master
        Made by the same command; those of the night of the frame come before all others.
    """

    settings: Settings
    given: Mapping[str, Master | None]
    candidates: list[Master] = field(default_factory=list)
    made: list[Master] = field(default_factory=list)

    @classmethod
    def of(cls, given: Mapping[str, Any], context: Context) -> MasterChoice:
        """Return the choice that the arguments of a command ask for."""
        fixed: dict[str, Master | None] = {}
        for name, kind in KINDS.items():
            text = given.get(name, "none")
            if text == "none":
                fixed[name] = None
            elif text != "auto":
                master = Master.of_row(context.row(text), context)
                if master.kind is not kind:
                    msg = f"{context.operator}: {name}={text} is a master {master.kind}"
                    raise BadValue(msg, f"name a master {name}")
                fixed[name] = master
        if given["masters"]:
            rows = context.rows(given["masters"])
            candidates = [Master.of_row(row, context) for row in rows if row.level]
        else:
            candidates = archive_masters()
        return cls(context.settings, fixed, candidates)

    def choose(self, info: FrameInfo, name: str) -> Master | None:
        """Return the master of a kind for a frame, None where there is none."""
        if name in self.given:
            return self.given[name]
        plugin = get_instrument(info.instrument)
        calibration = self.settings.calibration
        rules = AssociationRules(
            near_days=calibration.near_days,
            validity_days=plugin.validity_days,
            allow_risky=calibration.allow_risky,
            corner_windows=plugin.windows,
            flat_angles=plugin.flat_angles,
        )
        kind = KINDS[name]
        for masters, worst in ((self.made, 0), ([*self.made, *self.candidates], 3)):
            own = {one.name: one for one in masters if one.kind is kind}
            found = associate(info, [one.record() for one in own.values()], kind, rules)
            if found.choice is not None and found.level is not None and found.level <= worst:
                return own[str(found.choice.id)]
        return None


def archive_masters() -> list[Master]:
    """Return the masters that the pipeline has made and that are in use."""
    from polarnight.db.models.masters import MASTER_MODELS

    found = []
    for kind, model in MASTER_MODELS.items():
        rows = model._default_manager.exclude(content_key="").select_related("epoch")
        found += [
            Master(
                row.key,
                ImageType(kind),
                row.filepath,
                FrameInfo.from_dict(row.info),
                None,
                row.valid_from,
                row.valid_to,
                row.has_flag(row.FLAGS["IGNORE"]),
            )
            for row in rows
        ]
    return found


def changed_recipes(context: Context) -> list[str]:
    """Return a warning where the settings change recipes, which these operators do not read."""
    if not context.settings.recipes:
        return []
    return [
        f"{context.operator}: changes of recipes in the settings are for polarnight run; "
        "give them as arguments here"
    ]


def input_keys(paths: Sequence[Path], operator: str) -> dict[str, str]:
    """Return the content keys of files by path.

    Raises
    ------
    OperatorFailed
        Where a file cannot be read.
    """
    try:
        return {str(path): content_key(path) for path in paths}
    except OSError as error:
        msg = f"{operator}: {error.filename} cannot be read: {error.strerror}"
        raise OperatorFailed(msg) from error
