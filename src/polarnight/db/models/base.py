"""What several models share."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models

from polarnight.db.fields import EvidenceField, NumberField
from polarnight.db.flags import FlaggedModel

if TYPE_CHECKING:
    from polarnight.config import DataDir

__all__ = ["AuditedModel", "FrameColumns", "ProductColumns", "data_directory", "origin_text"]


def origin_text(origin: tuple[int, int]) -> str:
    """Return the place of a window on the chip as the columns have it, ``""`` for (0, 0)."""
    return "" if tuple(origin) == (0, 0) else f"{origin[0]},{origin[1]}"


def data_directory() -> DataDir:
    """Return the data directory in force."""
    from polarnight.config import get_settings

    return get_settings().data


class AuditedModel(FlaggedModel):
    """A row that people may flag and comment on."""

    class Meta:
        abstract = True

    @property
    def natural(self) -> str:
        """The key that stays the same when the row is made anew."""
        raise NotImplementedError

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new row takes over what people decided about it before."""
        if self._state.adding:
            from polarnight.db.audit import apply_decisions

            apply_decisions([self])
        super().save(*args, **kwargs)

    def flag(self, flag: int | str, *, why: str = "", who: str | None = None) -> None:
        """Set a flag by hand, whatever machines say; saved and recorded."""
        from polarnight.db.audit import decide

        decide([self], flag, True, why=why, who=who)

    def unflag(self, flag: int | str, *, why: str = "", who: str | None = None) -> None:
        """Clear a flag by hand, whatever machines say; saved and recorded."""
        from polarnight.db.audit import decide

        decide([self], flag, False, why=why, who=who)

    def undecide(self, flag: int | str, *, why: str = "", who: str | None = None) -> None:
        """Leave a flag to machines again; saved and recorded."""
        from polarnight.db.audit import decide

        decide([self], flag, None, why=why, who=who)

    @property
    def human_comment(self) -> str:
        """What people wrote about the row."""
        from polarnight.db.audit import comment_of

        return comment_of(self)

    def write_comment(self, text: str, *, who: str | None = None) -> None:
        """Replace what people wrote about the row; saved and recorded."""
        from polarnight.db.audit import write_comment

        write_comment(self, text, who=who)


class ProductColumns(models.Model):
    """Where a product came from and what went wrong."""

    recipe_key = models.CharField(max_length=64, blank=True, default="", db_index=True)
    content_key = models.CharField(max_length=64, blank=True, default="")
    provenance = EvidenceField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")
    warnings = EvidenceField(default=list, blank=True)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class FrameColumns(models.Model):
    """The normalised header of a frame, as columns; see `polarnight.frames.FrameInfo`.

    ``juliandate`` is the middle of the exposure (UTC), ``jd_start`` its start; ``imgorigin`` is
    the place ``x,y`` of a window on the chip, ``""`` where it begins at the first pixel.
    """

    filename = models.CharField(max_length=200)
    instrument = models.CharField(max_length=40, blank=True, default="")
    imgtype = models.CharField(max_length=10, blank=True, default="")
    obsmode = models.CharField(max_length=12, blank=True, default="")
    band = models.CharField(max_length=10, blank=True, default="")
    rotangle = NumberField()
    exptime = NumberField()
    juliandate = NumberField(db_index=True)
    jd_start = NumberField()
    imgsize = models.CharField(max_length=20, blank=True, default="")
    imgorigin = models.CharField(max_length=20, blank=True, default="")
    imgbinning = models.CharField(max_length=10, blank=True, default="")
    readmode = models.CharField(max_length=60, blank=True, default="")
    object_name = models.CharField(max_length=100, blank=True, default="")
    ra = NumberField()
    dec = NumberField()
    airmass = NumberField()
    pixel_scale = NumberField()
    has_pairs = models.BooleanField(default=False)
    beam = models.CharField(max_length=1, blank=True, default="")

    COPIED: ClassVar[tuple[str, ...]] = (
        "filename",
        "instrument",
        "imgtype",
        "obsmode",
        "band",
        "rotangle",
        "exptime",
        "juliandate",
        "jd_start",
        "imgsize",
        "imgorigin",
        "imgbinning",
        "readmode",
        "object_name",
        "ra",
        "dec",
        "airmass",
        "pixel_scale",
        "has_pairs",
        "beam",
    )

    class Meta:
        abstract = True

    @property
    def width(self) -> int:
        """Columns of the raw image; 0 where it is not classified."""
        return int(self.imgsize.split("x")[0]) if self.imgsize else 0

    @property
    def height(self) -> int:
        """Rows of the raw image; 0 where it is not classified."""
        return int(self.imgsize.split("x")[1]) if self.imgsize else 0


class FileModel(models.Model):
    """A row that stands for a FITS file."""

    class Meta:
        abstract = True

    @property
    def filepath(self) -> Path:
        """Where the file is."""
        raise NotImplementedError

    @property
    def fileexists(self) -> bool:
        """Whether the file is there."""
        return self.filepath.is_file()

    @property
    def header(self) -> Any:
        """The FITS header of the first HDU with an image."""
        from astropy.io import fits

        with fits.open(self.filepath) as hdus:
            for hdu in hdus:
                if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2:
                    return hdu.header.copy()
            return hdus[0].header.copy()

    @property
    def data(self) -> Any:
        """The pixels of the first HDU with an image, as an array ``[y, x]``."""
        from astropy.io import fits

        with fits.open(self.filepath, memmap=False) as hdus:
            for hdu in hdus:
                if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2:
                    return hdu.data
        return None

    @property
    def mdata(self) -> Any:
        """The pixels as a masked array, without those that are not finite."""
        import numpy as np

        return np.ma.masked_invalid(self.data)
