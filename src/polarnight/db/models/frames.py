"""Raw and reduced frames."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

import stat
from enum import IntFlag
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models

from polarnight.db.fields import EvidenceField, NumberField
from polarnight.db.models.base import (
    AuditedModel,
    FileModel,
    FrameColumns,
    ProductColumns,
    data_directory,
    origin_text,
)
from polarnight.db.models.epoch import Epoch
from polarnight.db.models.masters import MasterBias, MasterDark, MasterFlat
from polarnight.db.names import parse_fileloc
from polarnight.db.reprs import Summary, number

if TYPE_CHECKING:
    import os

    from polarnight.db.models.sources import AstroSource
    from polarnight.frames import FrameInfo

__all__ = ["RawFit", "ReducedFit"]


class FrameFlags(IntFlag):
    """What may be said about a frame; the first seven are IOP4's."""

    ERROR = 1 << 1
    ERROR_DOWNLOAD = 1 << 2
    DOWNLOADED = 1 << 3
    ERROR_CLASSIFY = 1 << 4
    CLASSIFIED = 1 << 5
    ERROR_ASTROMETRY = 1 << 6
    BUILT_REDUCED = 1 << 7
    IGNORE = 1 << 8
    ERROR_CALIBRATION = 1 << 9
    ERROR_PHOTOMETRY = 1 << 10
    ERROR_POLARIMETRY = 1 << 11
    MISSING_MASTER = 1 << 12
    RISKY_MASTER = 1 << 13


class RawFit(AuditedModel, FrameColumns, FileModel):
    """A raw FITS file of a night."""

    Flags = FrameFlags
    FLAGS: ClassVar[type[FrameFlags]] = FrameFlags

    epoch = models.ForeignKey(Epoch, on_delete=models.CASCADE, related_name="rawfits")
    content_key = models.CharField(max_length=64, blank=True, default="", db_index=True)
    size_bytes = models.BigIntegerField(null=True, blank=True)
    mtime_ns = models.BigIntegerField(null=True, blank=True)
    info = EvidenceField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "raw frame"
        verbose_name_plural = "raw frames"
        ordering = ["epoch_id", "filename"]
        constraints = [
            models.UniqueConstraint(fields=["epoch", "filename"], name="one_rawfit_per_file")
        ]
        indexes = [models.Index(fields=["epoch", "imgtype"], name="rawfit_imgtype")]

    def __str__(self) -> str:
        return self.fileloc

    def __repr__(self) -> str:
        return f"RawFit({self.fileloc})"

    def _repr_html_(self) -> str:
        return self._summary().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self._summary().text())

    def _summary(self) -> Summary:
        return Summary(
            f"RawFit {self.fileloc}",
            {
                "instrument": self.instrument,
                "type": f"{self.imgtype} {self.obsmode} {self.band}".strip(),
                "angle": number(self.rotangle, digits=2),
                "exposure": number(self.exptime, digits=2),
                "object": self.object_name,
                "size": self.imgsize,
                "flags": ", ".join(self.flag_labels),
                "error": self.error,
            },
        )

    def is_as_read(self, state: os.stat_result) -> bool:
        """Whether a file is the one that was read as this frame, without error, and unchanged."""
        read = (self.size_bytes, self.mtime_ns) == (state.st_size, state.st_mtime_ns)
        return read and not self.error and stat.S_ISREG(state.st_mode)

    @property
    def natural(self) -> str:
        """The place of the file."""
        return self.fileloc

    @property
    def fileloc(self) -> str:
        """``telescope/night/file``."""
        return f"{self.epoch.epochname}/{self.filename}"

    @property
    def filepath(self) -> Path:
        """Where the raw file is."""
        return self.epoch.rawfitsdir / self.filename

    @property
    def calibrationdir(self) -> Path:
        """Directory ``<file>.d`` of what is derived from the file."""
        return data_directory().file_dir(self.epoch.telescope, self.epoch.night, self.filename)

    @classmethod
    def by_fileloc(cls, fileloc: str) -> RawFit:
        """Return the frame at ``telescope/night/file``.

        Raises
        ------
        ConfigError
            Where `fileloc` is not of that form.
        RawFit.DoesNotExist
        """
        telescope, night, filename = parse_fileloc(fileloc)
        rows = cls.objects.select_related("epoch").filter(
            epoch__telescope=telescope, epoch__night=night, filename=filename
        )
        found = rows.first()
        if found is None:
            msg = f"{fileloc} is not registered"
            raise cls.DoesNotExist(msg)
        return found

    def fill(self, info: FrameInfo) -> RawFit:
        """Copy a normalised header into the columns and mark the frame as classified."""
        self.instrument = info.instrument
        self.imgtype = str(info.imgtype)
        self.obsmode = str(info.obsmode)
        self.band = info.band
        self.rotangle = info.rotangle
        self.exptime = info.exptime
        self.juliandate = info.jd_mid
        self.jd_start = info.jd_start
        self.imgsize = f"{info.width}x{info.height}"
        self.imgorigin = origin_text(info.origin)
        self.imgbinning = f"{info.binning[0]}x{info.binning[1]}"
        self.readmode = info.readmode
        self.object_name = info.object_name
        self.ra = info.ra
        self.dec = info.dec
        self.airmass = info.airmass
        self.pixel_scale = info.pixel_scale
        self.has_pairs = info.has_pairs
        self.beam = info.beam
        self.info = info.to_dict()
        self.error = ""
        self.unset_flag(FrameFlags.ERROR | FrameFlags.ERROR_CLASSIFY)
        self.set_flag(FrameFlags.CLASSIFIED)
        return self

    @classmethod
    def from_info(cls, epoch: Epoch, info: FrameInfo, **columns: Any) -> RawFit:
        """Return an unsaved row for a classified file.

        Parameters
        ----------
        epoch : Epoch
            Saved before.
        info : FrameInfo
        **columns
            Others, such as ``content_key``, ``size_bytes`` and ``mtime_ns``.
        """
        return cls(epoch=epoch, filename=info.filename, **columns).fill(info)

    @classmethod
    def from_failure(cls, epoch: Epoch, filename: str, error: str, **columns: Any) -> RawFit:
        """Return an unsaved row for a file that could not be classified, with the reason."""
        row = cls(epoch=epoch, filename=filename, error=error, **columns)
        row.set_flag(FrameFlags.ERROR | FrameFlags.ERROR_CLASSIFY)
        return row

    def frame_info(self) -> FrameInfo | None:
        """Return the normalised header, None where the file is not classified."""
        from polarnight.frames import FrameInfo  # brings numpy, which a query does not need

        return FrameInfo.from_dict(self.info) if self.info else None


class ReducedFit(AuditedModel, FrameColumns, ProductColumns, FileModel):
    """A reduced light frame: calibrated, solved, and what was measured in it as a whole.

    The columns of the raw frame are repeated so that one table answers a query.
    """

    Flags = FrameFlags
    FLAGS: ClassVar[type[FrameFlags]] = FrameFlags

    rawfit = models.OneToOneField(RawFit, on_delete=models.CASCADE, related_name="reduced")
    epoch = models.ForeignKey(Epoch, on_delete=models.CASCADE, related_name="reducedfits")
    path = models.CharField(max_length=500, blank=True, default="")

    masterbias = models.ForeignKey(
        MasterBias, on_delete=models.SET_NULL, null=True, blank=True, related_name="reducedfits"
    )
    masterdark = models.ForeignKey(
        MasterDark, on_delete=models.SET_NULL, null=True, blank=True, related_name="reducedfits"
    )
    masterflat = models.ForeignKey(
        MasterFlat, on_delete=models.SET_NULL, null=True, blank=True, related_name="reducedfits"
    )
    bias_level = models.SmallIntegerField(null=True, blank=True)
    dark_level = models.SmallIntegerField(null=True, blank=True)
    flat_level = models.SmallIntegerField(null=True, blank=True)
    bias_reason = models.TextField(blank=True, default="")
    dark_reason = models.TextField(blank=True, default="")
    flat_reason = models.TextField(blank=True, default="")
    associations = EvidenceField(default=dict, blank=True)

    fwhm_px = NumberField()
    fwhm = NumberField(help_text="arcsec")
    background_level = NumberField(help_text="ADU")
    background_rms = NumberField(help_text="ADU")
    elongation = NumberField(help_text="median of the clean detections")
    n_detections = models.IntegerField(null=True, blank=True)
    n_cosmic_rays = models.IntegerField(null=True, blank=True)

    solved = models.BooleanField(default=False, db_index=True)
    center_ra = NumberField()
    center_dec = NumberField()
    pixscale = NumberField(help_text="arcsec per pixel, as solved")
    astrometry_rms = NumberField(help_text="arcsec")
    astrometry_matched = models.IntegerField(null=True, blank=True)
    astrometry_log10_chance = NumberField()
    astrometry_pointing = models.CharField(max_length=60, blank=True, default="")
    astrometry_info = EvidenceField(default=dict, blank=True)

    mag_zp = NumberField()
    mag_zp_err = NumberField()
    photometry_info = EvidenceField(default=dict, blank=True)

    sources_in_field: models.ManyToManyField[AstroSource, Any] = models.ManyToManyField(
        "polarnight.AstroSource", related_name="in_reducedfits", blank=True
    )

    class Meta:
        verbose_name = "reduced frame"
        verbose_name_plural = "reduced frames"
        ordering = ["epoch_id", "filename"]
        indexes = [models.Index(fields=["epoch", "obsmode", "band"], name="reducedfit_mode")]

    def __str__(self) -> str:
        return self.fileloc

    def __repr__(self) -> str:
        return f"ReducedFit({self.fileloc})"

    def _repr_html_(self) -> str:
        return self._summary().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self._summary().text())

    def _summary(self) -> Summary:
        return Summary(
            f"ReducedFit {self.fileloc}",
            {
                "instrument": self.instrument,
                "mode": f"{self.obsmode} {self.band}".strip(),
                "angle": number(self.rotangle, digits=2),
                "exposure": number(self.exptime, digits=2),
                "object": self.object_name,
                "fwhm": number(self.fwhm, digits=2),
                "astrometry": self._astrometry(),
                "bias": self.bias_reason,
                "dark": self.dark_reason,
                "flat": self.flat_reason,
                "flags": ", ".join(self.flag_labels),
                "error": self.error,
            },
        )

    def _astrometry(self) -> str:
        if not self.solved:
            return "not solved"
        return f"{self.astrometry_matched} stars, rms {number(self.astrometry_rms, digits=3)}″"

    @property
    def natural(self) -> str:
        """The place of the raw file."""
        return self.fileloc

    @property
    def fileloc(self) -> str:
        """``telescope/night/file`` of the raw file."""
        return f"{self.epoch.epochname}/{self.filename}"

    @property
    def filepath(self) -> Path:
        """Where the reduced file is, or would be."""
        data = data_directory()
        if self.path:
            return data.absolute(self.path)
        return data.reduced_path(self.epoch.telescope, self.epoch.night, self.filename)

    @classmethod
    def from_rawfit(cls, rawfit: RawFit, **columns: Any) -> ReducedFit:
        """Return an unsaved row with the columns of the raw frame."""
        copied = {name: getattr(rawfit, name) for name in FrameColumns.COPIED}
        return cls(rawfit=rawfit, epoch=rawfit.epoch, **{**copied, **columns})

    @classmethod
    def by_fileloc(cls, fileloc: str) -> ReducedFit:
        """Return the reduced frame of the raw file at ``telescope/night/file``.

        Raises
        ------
        ConfigError
            Where `fileloc` is not of that form.
        ReducedFit.DoesNotExist
        """
        telescope, night, filename = parse_fileloc(fileloc)
        rows = cls.objects.select_related("epoch", "rawfit").filter(
            epoch__telescope=telescope, epoch__night=night, filename=filename
        )
        found = rows.first()
        if found is None:
            msg = f"{fileloc} is not reduced"
            raise cls.DoesNotExist(msg)
        return found

    @property
    def wcs(self) -> Any:
        """Celestial coordinates of the ordinary (or only) beam."""
        from astropy.wcs import WCS

        return WCS(self.header)

    wcs1 = wcs

    @property
    def wcs2(self) -> Any:
        """Celestial coordinates of the extraordinary beam, None where there is none."""
        from astropy.wcs import WCS

        header = self.header
        return WCS(header, key="B") if "CRPIX1B" in header else None
