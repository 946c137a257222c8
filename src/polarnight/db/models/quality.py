"""Figures of quality of frames and nights."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

from django.db import models

from polarnight.db.fields import NumberField
from polarnight.db.models.epoch import Epoch
from polarnight.db.models.frames import ReducedFit

__all__ = ["FrameQuality", "NightQuality"]


class FrameQuality(models.Model):
    """How good the conditions of one reduced frame were.

    ``transparency`` is relative to the best frame of the night, ``throughput`` to what is usual
    of the camera; both of the same band and mode, and at airmass 1.
    """

    reducedfit = models.OneToOneField(ReducedFit, on_delete=models.CASCADE, related_name="quality")
    epoch = models.ForeignKey(Epoch, on_delete=models.CASCADE, related_name="frame_qualities")
    instrument = models.CharField(max_length=40)
    obsmode = models.CharField(max_length=12, blank=True, default="")
    band = models.CharField(max_length=10, blank=True, default="")
    juliandate = NumberField(db_index=True)
    airmass = NumberField()
    seeing = NumberField(help_text="FWHM, arcsec")
    elongation = NumberField(help_text="ratio of the axes of star images")
    n_detections = models.IntegerField(null=True, blank=True)
    solved = models.BooleanField(default=False)
    sky_rate = NumberField(help_text="ADU per second and pixel")
    sky_mag = NumberField(help_text="mag per square arcsec")
    zero_point = NumberField(help_text="magnitude of one ADU per second")
    zero_point_err = NumberField()
    transparency = NumberField(help_text="relative to the best frame of the night")
    throughput = NumberField(help_text="relative to what is usual")
    recipe_key = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        verbose_name = "quality of a frame"
        verbose_name_plural = "qualities of frames"
        ordering = ["juliandate", "reducedfit_id"]
        indexes = [models.Index(fields=["instrument", "band"], name="frame_quality_band")]

    def __str__(self) -> str:
        return f"quality of {self.reducedfit}"


class NightQuality(models.Model):
    """The same of a night, for one instrument, band and mode.

    Those of the detector (bias, read noise, dark) stand in the row without band and mode.
    """

    UNIQUE = ("epoch", "instrument", "obsmode", "band")

    epoch = models.ForeignKey(Epoch, on_delete=models.CASCADE, related_name="qualities")
    instrument = models.CharField(max_length=40)
    obsmode = models.CharField(max_length=12, blank=True, default="")
    band = models.CharField(max_length=10, blank=True, default="")
    n_frames = models.IntegerField(default=0)
    n_solved = models.IntegerField(default=0)
    seeing = NumberField(help_text="median FWHM, arcsec")
    seeing_best = NumberField(help_text="10th percentile of the FWHM, arcsec")
    elongation = NumberField(help_text="median")
    n_detections = NumberField(help_text="median")
    sky_rate = NumberField(help_text="median, ADU per second and pixel")
    sky_mag = NumberField(help_text="median, mag per square arcsec")
    zero_point = NumberField(
        help_text="of the best frame at airmass 1, magnitude of one ADU per second"
    )
    zero_point_err = NumberField()
    extinction = NumberField(help_text="of this night, magnitudes per airmass")
    extinction_err = NumberField()
    extinction_n = models.IntegerField(
        null=True, blank=True, help_text="zero points that it was fitted to"
    )
    extinction_taken = NumberField(
        help_text="magnitudes per airmass that bring zero points to airmass 1"
    )
    transparency = NumberField(help_text="median, relative to the best frame of the night")
    throughput = NumberField(help_text="of the best frame, relative to what is usual")
    throughput_err = NumberField()
    reference_nights = models.IntegerField(default=0, help_text="that tell what is usual")
    bias_level = NumberField(help_text="ADU")
    read_noise = NumberField(help_text="electrons, as the biases show it")
    dark_rate = NumberField(help_text="ADU per second")
    bad_fraction = NumberField(help_text="of the pixels, hot or unstable")
    flat_rms = NumberField(help_text="scatter of the flat over the one before, beyond noise")
    flat_large_scale = NumberField(help_text="largest change of the flat on large scales")
    new_spots = models.IntegerField(null=True, blank=True)
    recipe_key = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        verbose_name = "quality of a night"
        verbose_name_plural = "qualities of nights"
        ordering = ["epoch_id", "instrument", "obsmode", "band"]
        constraints = [
            models.UniqueConstraint(
                fields=["epoch", "instrument", "obsmode", "band"], name="one_quality_per_night"
            )
        ]

    def __str__(self) -> str:
        what = " ".join(filter(None, (self.instrument, self.band, self.obsmode.lower())))
        return f"quality of {self.epoch}, {what}"

    @property
    def solved_fraction(self) -> float | None:
        """Fraction of the light frames that have a place on the sky."""
        return self.n_solved / self.n_frames if self.n_frames else None
