"""The files of nights, as their rows in the database tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polarnight.db.models import Epoch, RawFit, ReducedFit
from polarnight.db.models.masters import MASTER_MODELS

if TYPE_CHECKING:
    from polarnight.config import DataDir

__all__ = ["NightFile", "night_files"]


@dataclass(frozen=True, slots=True)
class NightFile:
    """A file of a night as the database knows it."""

    name: str
    path: str
    level: int
    about: str
    content_key: str


def night_files(epochs: Mapping[int, Epoch], data: DataDir) -> dict[int, list[NightFile]]:
    """Return the files of nights, by the number of the night.

    Of each night the raw frames in order of time, then its masters and reduced frames.

    Parameters
    ----------
    epochs : mapping of int to Epoch
        By their numbers; few enough for the parameters of one statement.
    data : DataDir
    """
    files: dict[int, list[NightFile]] = {number: [] for number in epochs}
    places = {number: data.relative(epoch.rawfitsdir) for number, epoch in epochs.items()}
    raw = RawFit.objects.filter(epoch__in=list(epochs)).order_by("juliandate", "filename")
    for night, name, imgtype, band, key in raw.values_list(
        "epoch_id", "filename", "imgtype", "band", "content_key"
    ):
        about = " ".join(("raw", imgtype, band)).strip()
        files[night].append(NightFile(f"raw/{name}", f"{places[night]}/{name}", 0, about, key))
    for kind, model in MASTER_MODELS.items():
        for master in model._default_manager.filter(epoch__in=list(epochs)).order_by("key"):
            if master.content_key:
                master.epoch = epochs[master.epoch_id]
                name = f"{kind.lower()}/{master.filename}"
                path, about = data.relative(master.filepath), f"master {kind} {master.key}"
                file = NightFile(name, path, 1, about, master.content_key)
                files[master.epoch_id].append(file)
    reduced = ReducedFit.objects.filter(epoch__in=list(epochs)).exclude(content_key="")
    for frame in reduced.order_by("juliandate", "filename").only(
        "filename", "path", "band", "obsmode", "content_key", "epoch"
    ):
        frame.epoch = epochs[frame.epoch_id]
        path = data.relative(frame.filepath)
        about = " ".join(("reduced", frame.obsmode, frame.band)).strip()
        file = NightFile(f"reduced/{frame.filename}", path, 2, about, frame.content_key)
        files[frame.epoch_id].append(file)
    return files
