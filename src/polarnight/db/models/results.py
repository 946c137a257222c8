"""Results: fluxes in apertures, and the photometry and polarimetry made of them."""
# ruff: noqa: D106  (Meta is Django's)

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from enum import IntFlag
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models

from polarnight.db.fields import EvidenceField, NumberField
from polarnight.db.models.base import AuditedModel, ProductColumns
from polarnight.db.models.epoch import Epoch
from polarnight.db.models.frames import ReducedFit
from polarnight.db.models.sources import AstroSource
from polarnight.db.reprs import Summary, number

if TYPE_CHECKING:
    from polarnight.db.combine import CombinedResult

__all__ = ["ERROR_SORTED", "AperPhotResult", "PhotoPolResult", "PhotoPolResultQuerySet"]

# Spelt out, for SQLite finds an index by its words: those with parameters it does not find.
ERROR_SORTED = models.Func("error", template="substr(%(expressions)s, 1, 200)")
"""The part of an error by which tables are sorted."""


class AperPhotResult(AuditedModel):
    """The flux of a source in one aperture of one frame (ADU, pixels).

    ``pairs`` is ``"O"`` or ``"E"``; ``"O"`` also where there is a single image.
    ``aperindex`` numbers the radii of a growth curve, so that a rerun with slightly other
    seeing replaces rows instead of adding to them; ``is_default`` marks the one radius
    from which results are made.
    """

    class Flags(IntFlag):
        """What may be said about an aperture."""

        ERROR = 1 << 1
        SATURATED = 1 << 2
        COSMIC_RAY = 1 << 3
        BAD_PIXEL = 1 << 4
        EDGE = 1 << 5
        FORCED = 1 << 6
        NON_DETECTION = 1 << 7
        NONLINEAR = 1 << 8

    FLAGS: ClassVar[type[Flags]] = Flags

    reducedfit = models.ForeignKey(
        ReducedFit, on_delete=models.CASCADE, related_name="aperphotresults"
    )
    astrosource = models.ForeignKey(
        AstroSource, on_delete=models.CASCADE, related_name="aperphotresults"
    )
    pairs = models.CharField(max_length=1, choices=[("O", "ordinary"), ("E", "extraordinary")])
    aperindex = models.SmallIntegerField(default=0)
    is_default = models.BooleanField(default=True)
    aperpix = NumberField()
    r_in = NumberField()
    r_out = NumberField()
    flux_counts = NumberField()
    flux_counts_err = NumberField()
    area = NumberField()
    bkg_flux_counts = NumberField(help_text="sky, per pixel")
    bkg_flux_counts_err = NumberField()
    n_sky = models.IntegerField(null=True, blank=True)
    x_px = NumberField()
    y_px = NumberField()
    fwhm = NumberField(help_text="of the frame, arcsec")
    fwhm_source = NumberField(help_text="of the source, arcsec")
    aperture_correction = NumberField()
    aperture_correction_err = NumberField()
    mag_inst = NumberField()
    mag_inst_err = NumberField()
    bits = models.IntegerField(default=0)
    evidence = EvidenceField(default=dict, blank=True)
    recipe_key = models.CharField(max_length=64, blank=True, default="")
    modified = models.DateTimeField(auto_now=True)

    UNIQUE: ClassVar[tuple[str, ...]] = ("reducedfit", "astrosource", "pairs", "aperindex")

    class Meta:
        verbose_name = "aperture measurement"
        verbose_name_plural = "aperture measurements"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["reducedfit", "astrosource", "pairs", "aperindex"], name="one_aperture"
            )
        ]

    def __str__(self) -> str:
        return self.natural

    def __repr__(self) -> str:
        return f"AperPhotResult({self.natural})"

    @property
    def natural(self) -> str:
        """Frame, source, beam and number of the radius."""
        place = self.reducedfit.fileloc
        return f"{place}|{self.astrosource.name}|{self.pairs}|{self.aperindex}"


class PhotoPolResultQuerySet(models.QuerySet["PhotoPolResult"]):
    """Queries about results."""

    def select(
        self,
        *,
        source: str | AstroSource | None = None,
        band: str | None = None,
        night: date | str | None = None,
        first: date | str | None = None,
        last: date | str | None = None,
        telescope: str | None = None,
        instrument: str | None = None,
        reduction: str | None = None,
    ) -> PhotoPolResultQuerySet:
        """Return the results that fit all that is given, in order of time.

        `first` and `last` are nights, both included.

        Raises
        ------
        ConfigError
            Where a source, night or telescope is unknown.
        """
        from polarnight.db.names import parse_night
        from polarnight.db.sources import get_source
        from polarnight.telescopes import get_telescope

        rows = self.select_related("epoch", "astrosource")
        if source is not None:
            found = source if isinstance(source, AstroSource) else get_source(source)
            rows = rows.filter(astrosource=found)
        if band is not None:
            rows = rows.filter(band=band)
        for lookup, when in (("", night), ("__gte", first), ("__lte", last)):
            if when is not None:
                chosen = when if isinstance(when, date) else parse_night(when)
                rows = rows.filter(**{f"epoch__night{lookup}": chosen})
        if telescope is not None:
            rows = rows.filter(epoch__telescope=get_telescope(telescope).name)
        if instrument is not None:
            rows = rows.filter(instrument=instrument)
        if reduction is not None:
            rows = rows.filter(reduction=reduction)
        return rows.order_by("juliandate", "astrosource__name", "band", "id")

    def combined(self, by: str = "night") -> list[CombinedResult]:
        """Return the polarization of each source over a night, as plain records.

        Weighted means of the cycles of one instrument and band; nothing is written.

        Parameters
        ----------
        by : str
            ``"night"``.

        Raises
        ------
        ConfigError
            For another interval.
        """
        from polarnight.db.combine import combine_results
        from polarnight.errors import ConfigError

        if by != "night":
            msg = f"results are combined by 'night', not by {by!r}"
            raise ConfigError(msg)
        return combine_results(self.select_related("epoch", "astrosource"))


class PhotoPolResult(AuditedModel, ProductColumns):
    """A magnitude, or a magnitude and Stokes parameters, of a source at one time.

    q, u and p are fractions, chi degrees in [0, 180) north through east; ``qu_cov`` is the
    covariance of q and u; ``v`` is there behind quarter-wave plates. ``p`` is debiased by the
    estimator in ``debias``, ``p_naive`` is not; ``p_low`` and ``p_high`` bound its 1-sigma
    interval. ``juliandate`` is the mean of the mid-exposures (UTC).
    """

    class Flags(IntFlag):
        """What may be said about a result; the first two are IOP4's."""

        BAD_PHOTOMETRY = 1 << 1
        BAD_POLARIMETRY = 1 << 2
        SATURATED = 1 << 3
        UPPER_LIMIT = 1 << 4
        FORCED = 1 << 5
        NO_ZERO_POINT = 1 << 6
        CATALOGUE_CALIBRATED = 1 << 7
        RISKY_MASTER = 1 << 8
        BAD_PIXELS = 1 << 9
        INCOMPLETE = 1 << 10
        CROWDED = 1 << 11
        NONLINEAR = 1 << 12
        EXCESS_SCATTER = 1 << 13
        HOST_CORRECTED = 1 << 14
        HOST_REFUSED = 1 << 15
        SKY_UNKNOWN = 1 << 16
        UNCHECKED = 1 << 17

    FLAGS: ClassVar[type[Flags]] = Flags

    identity = models.CharField(max_length=300, unique=True)
    epoch = models.ForeignKey(Epoch, on_delete=models.CASCADE, related_name="photopolresults")
    astrosource = models.ForeignKey(
        AstroSource, on_delete=models.CASCADE, related_name="photopolresults"
    )
    reduction = models.CharField(
        max_length=10,
        choices=[("relphot", "relative photometry"), ("relpol", "relative polarimetry")],
    )
    instrument = models.CharField(max_length=40)
    obsmode = models.CharField(max_length=12)
    band = models.CharField(max_length=10)
    juliandate = NumberField(db_index=True)
    juliandate_min = NumberField()
    juliandate_max = NumberField()
    bjd_tdb = NumberField()
    exptime = NumberField(help_text="of one frame, s")
    n_frames = models.IntegerField(default=1)
    airmass = NumberField()
    reducedfits: models.ManyToManyField[ReducedFit, Any] = models.ManyToManyField(
        ReducedFit, related_name="photopolresults", blank=True
    )
    aperphotresults: models.ManyToManyField[AperPhotResult, Any] = models.ManyToManyField(
        AperPhotResult, related_name="photopolresults", blank=True
    )
    files = EvidenceField(default=list, blank=True)

    aperpix = NumberField()
    aperas = NumberField(help_text="arcsec")
    r_in = NumberField()
    r_out = NumberField()
    fwhm = NumberField(help_text="arcsec")
    fwhm_source = NumberField(help_text="arcsec")
    flux_counts = NumberField()
    flux_counts_err = NumberField()
    bkg_flux_counts = NumberField()
    bkg_flux_counts_err = NumberField()

    mag_inst = NumberField()
    mag_inst_err = NumberField()
    mag_zp = NumberField()
    mag_zp_err = NumberField()
    zp_method = models.CharField(max_length=40, blank=True, default="")
    zp_n = models.IntegerField(null=True, blank=True)
    zp_inflation = NumberField()
    zp_chi2 = NumberField()
    mag = NumberField()
    mag_err = NumberField()
    mag_limit = NumberField(help_text="3 sigma, where not detected")
    mag_corr = NumberField(help_text="without the host galaxy")
    mag_corr_err = NumberField()

    q = NumberField()
    q_err = NumberField()
    u = NumberField()
    u_err = NumberField()
    qu_cov = NumberField()
    v = NumberField(help_text="circular polarization, positive as the IAU has it")
    v_err = NumberField()
    q_nocorr = NumberField(help_text="before the instrumental polarization is taken off")
    u_nocorr = NumberField()
    p_naive = NumberField()
    p = NumberField()
    p_err = NumberField()
    p_low = NumberField()
    p_high = NumberField()
    p_limit95 = NumberField()
    p_corr = NumberField(help_text="not diluted by the host galaxy")
    p_corr_err = NumberField()
    debias = models.CharField(max_length=20, blank=True, default="")
    chi = NumberField()
    chi_err = NumberField()
    pol_method = models.CharField(max_length=40, blank=True, default="")
    pol_chi2 = NumberField()
    pol_dof = models.IntegerField(null=True, blank=True)
    n_angles = models.IntegerField(null=True, blank=True)

    bits = models.IntegerField(default=0)
    evidence = EvidenceField(default=dict, blank=True)

    UNIQUE: ClassVar[tuple[str, ...]] = ("identity",)

    objects = PhotoPolResultQuerySet.as_manager()

    class Meta:
        verbose_name = "photo-polarimetric result"
        verbose_name_plural = "photo-polarimetric results"
        ordering = ["juliandate", "id"]
        indexes = [
            models.Index(fields=["astrosource", "band", "juliandate"], name="photopol_curve"),
            models.Index(fields=["epoch", "reduction"], name="photopol_epoch"),
            # Light curves and tables of 10^5 results are read from this index alone: a row
            # with its evidence is twenty times wider. PostgreSQL takes 32 columns, and has
            # the key only where it is named; SQLite does not count generated columns (flags)
            # as covered.
            models.Index(
                fields=[
                    *("astrosource", "juliandate", "instrument", "band", "epoch", "reduction"),
                    *("machine_flags", "human_set", "human_clear", "mag", "mag_err"),
                    *("mag_limit", "mag_corr", "mag_corr_err", "q", "q_err", "u", "u_err"),
                    *("p", "p_err", "p_low", "p_high", "p_naive", "p_limit95", "p_corr"),
                    *("p_corr_err", "chi", "chi_err", "airmass", "fwhm", "id"),
                ],
                name="photopol_scan",
            ),
            # The other numbers of the table, so that it is sorted by any of them as fast.
            models.Index(
                fields=[
                    *("astrosource", "mag_zp", "mag_zp_err", "mag_inst", "mag_inst_err"),
                    *("flux_counts", "flux_counts_err", "bkg_flux_counts", "exptime"),
                    *("n_frames", "juliandate_min", "juliandate_max", "bjd_tdb", "obsmode"),
                    *("zp_method", "zp_n", "zp_chi2", "qu_cov", "v", "v_err", "q_nocorr"),
                    *("u_nocorr", "debias", "pol_method", "pol_chi2", "pol_dof", "n_angles"),
                    *("fwhm_source", "aperas", "aperpix", "modified", "id"),
                ],
                name="photopol_sort",
            ),
            # Long texts are sorted by their beginning, which is all that an index may hold.
            models.Index(ERROR_SORTED, "id", name="photopol_error"),
            models.Index("astrosource", ERROR_SORTED, "id", name="photopol_curve_error"),
            models.Index(fields=["astrosource", "recipe_key", "id"], name="photopol_recipe"),
        ]

    def __str__(self) -> str:
        return self.natural

    def __repr__(self) -> str:
        name = self.astrosource.name
        return f"PhotoPolResult({name}, {self.band}, {self.reduction}, JD {self.juliandate})"

    def _repr_html_(self) -> str:
        return self._summary().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self._summary().text())

    def _summary(self) -> Summary:
        return Summary(
            f"PhotoPolResult {self.astrosource.name} {self.band}",
            {
                "epoch": self.epoch.epochname,
                "instrument": self.instrument,
                "reduction": self.reduction,
                "JD (UTC)": number(self.juliandate, digits=6),
                "mag": number(self.mag, self.mag_err),
                "mag >": number(self.mag_limit),
                "q": number(self.q, self.q_err, 5),
                "u": number(self.u, self.u_err, 5),
                "p": number(self.p, self.p_err, 5),
                "p < (95 %)": number(self.p_limit95, digits=5),
                "chi": number(self.chi, self.chi_err, 2),
                "flags": ", ".join(self.flag_labels),
                "error": self.error,
            },
        )

    @property
    def natural(self) -> str:
        """The identity."""
        return self.identity

    @property
    def telescope(self) -> str:
        """The telescope."""
        return self.epoch.telescope

    @staticmethod
    def make_identity(source: str, reduction: str, filelocs: Iterable[str]) -> str:
        """Return the identity of a result: the source, what was done, and of which frames.

        Parameters
        ----------
        source : str
            Name of the source.
        reduction : str
            ``"relphot"`` or ``"relpol"``.
        filelocs : iterable of str
            ``telescope/night/file`` of the raw frames, in any order.
        """
        places = sorted(filelocs)
        digest = hashlib.sha256("\n".join(places).encode()).hexdigest()[:32]
        return f"{source}|{reduction}|{digest}"
