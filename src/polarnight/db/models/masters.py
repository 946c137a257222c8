"""Master bias, dark and flat."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from enum import IntFlag
from pathlib import Path
from typing import Any, ClassVar

from django.db import models

from polarnight.db.fields import EvidenceField, NumberField
from polarnight.db.models.base import AuditedModel, FileModel, ProductColumns, data_directory
from polarnight.db.models.epoch import Epoch
from polarnight.db.reprs import Summary

__all__ = ["MASTER_MODELS", "MasterBias", "MasterDark", "MasterFlat", "MasterModel"]


_DETECTOR_MARGS = ("instrument", "beam", "imgsize", "imgorigin", "imgbinning", "readmode")

_SELDOM = ("beam", "imgorigin")
"""Left out of keys where they are empty: most cameras have one beam and read the whole chip."""


class MasterFlags(IntFlag):
    """What may be said about a master; IGNORE is IOP4's, and people's to set."""

    IGNORE = 1 << 1
    ERROR = 1 << 2


class MasterModel(AuditedModel, ProductColumns, FileModel):
    """What the three masters share.

    ``key`` is the natural key: epoch and all values by which frames were grouped; see
    `make_key`. ``jd`` is the mean time of the frames, ``valid_from`` and ``valid_to`` bound
    the range in which the master may be used at level 2 (Julian dates, NULL for no bound).
    ``comparison`` says how it differs from the one before it; see
    `polarnight.pipeline.quality.masters`.
    """

    KIND: ClassVar[str] = ""
    MARGS: ClassVar[tuple[str, ...]] = _DETECTOR_MARGS
    Flags = MasterFlags
    FLAGS: ClassVar[type[MasterFlags]] = MasterFlags

    key = models.CharField(max_length=300, unique=True)
    epoch = models.ForeignKey(Epoch, on_delete=models.CASCADE, related_name="%(class)s_set")
    instrument = models.CharField(max_length=40)
    imgsize = models.CharField(max_length=20)
    imgorigin = models.CharField(max_length=20, blank=True, default="")
    imgbinning = models.CharField(max_length=10)
    readmode = models.CharField(max_length=60, blank=True, default="")
    beam = models.CharField(max_length=1, blank=True, default="")
    path = models.CharField(max_length=500, blank=True, default="")
    jd = NumberField(db_index=True)
    valid_from = NumberField()
    valid_to = NumberField()
    n_used = models.IntegerField(default=0)
    rejected = EvidenceField(default=list, blank=True)
    stats = EvidenceField(default=dict, blank=True)
    info = EvidenceField(default=dict, blank=True)
    comparison = EvidenceField(default=dict, blank=True)
    rawfits: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        "polarnight.RawFit", related_name="%(class)s_set", blank=True
    )

    class Meta:
        abstract = True
        ordering = ["id"]

    def __str__(self) -> str:
        return self.key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key})"

    def _repr_html_(self) -> str:
        return self._summary().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self._summary().text())

    def _summary(self) -> Summary:
        return Summary(
            f"{type(self).__name__} {self.key}",
            {
                "frames used": self.n_used,
                "rejected": len(self.rejected) or "",
                "file": self.path,
                "flags": ", ".join(self.flag_labels),
                "warnings": "; ".join(self.warnings),
                "error": self.error,
            },
        )

    @property
    def natural(self) -> str:
        """The key."""
        return self.key

    @property
    def filename(self) -> str:
        """Name of the file; follows from the key."""
        return Path(self.path).name or self.default_filename()

    @property
    def filepath(self) -> Path:
        """Where the master is, or would be."""
        data = data_directory()
        if self.path:
            return data.absolute(self.path)
        return data.master_path(
            self.KIND, self.epoch.telescope, self.epoch.night, self.default_filename()
        )

    @property
    def margs(self) -> dict[str, Any]:
        """The values by which frames were grouped."""
        return {name: getattr(self, name) for name in self.MARGS}

    def default_filename(self) -> str:
        """Return a file name made of the key, such as ``masterflat_AndorT90_..._R.fits``."""
        parts = self.key.split("/")[2:]
        text = "_".join(part.replace(" ", "-").replace(",", "+") for part in parts if part)
        return f"master{self.KIND.lower()}_{text}.fits"

    @classmethod
    def make_key(cls, epochname: str, **values: Any) -> str:
        """Return the natural key of a master.

        Parameters
        ----------
        epochname : str
        **values
            One for each name in `MARGS`; None and ``""`` are the same. Those of a camera of one
            beam and the place of a window may be left out.

        Raises
        ------
        KeyError
            Where a value is missing.
        """
        told = [name for name in cls.MARGS if name not in _SELDOM or values.get(name)]
        return "/".join([epochname, *(_text(values[name]) for name in told)])

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; the key is made where it was not given."""
        self.complete()
        super().save(*args, **kwargs)

    def complete(self) -> None:
        """Fill the key and the path where they are empty."""
        if not self.key:
            self.key = self.make_key(self.epoch.epochname, **self.margs)
        if not self.path:
            self.path = data_directory().relative(self.filepath)


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("/", "-")


class MasterBias(MasterModel):
    """A master bias."""

    KIND = "BIAS"

    class Meta(MasterModel.Meta):
        verbose_name = "master bias"
        verbose_name_plural = "master biases"


class MasterDark(MasterModel):
    """A master dark, in ADU per second."""

    KIND = "DARK"
    MARGS = (*_DETECTOR_MARGS, "exptime")

    exptime = NumberField()
    masterbias = models.ForeignKey(
        MasterBias, on_delete=models.SET_NULL, null=True, blank=True, related_name="masterdarks"
    )

    class Meta(MasterModel.Meta):
        verbose_name = "master dark"
        verbose_name_plural = "master darks"


class MasterFlat(MasterModel):
    """A master flat; exposure time is no key of it."""

    KIND = "FLAT"
    MARGS = (*_DETECTOR_MARGS, "band", "obsmode", "rotangle")

    band = models.CharField(max_length=10, blank=True, default="")
    obsmode = models.CharField(max_length=12, blank=True, default="")
    rotangle = NumberField()
    masterbias = models.ForeignKey(
        MasterBias, on_delete=models.SET_NULL, null=True, blank=True, related_name="masterflats"
    )
    masterdark = models.ForeignKey(
        MasterDark, on_delete=models.SET_NULL, null=True, blank=True, related_name="masterflats"
    )

    class Meta(MasterModel.Meta):
        verbose_name = "master flat"
        verbose_name_plural = "master flats"


MASTER_MODELS: dict[str, type[MasterModel]] = {
    "BIAS": MasterBias,
    "DARK": MasterDark,
    "FLAT": MasterFlat,
}
"""The model of a master by the type of its frames."""
