"""The catalogue of sources."""
# ruff: noqa: D106  (Meta is Django's)
# ruff: noqa: N815  (mag_R and the like are the names of the first seed, and the field's)

from __future__ import annotations

import math
from typing import Any, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from polarnight.db.coordinates import parse_dec, parse_ra
from polarnight.db.fields import EvidenceField, NumberField
from polarnight.db.models.base import data_directory
from polarnight.db.reprs import Summary, number

__all__ = ["AstroSource", "AstroSourceQuerySet"]

BANDS = ("U", "B", "V", "R", "I")

_J2000 = 2451545.0
_DEGREE_OF_MAS = 1.0 / 3.6e6


class AstroSourceQuerySet(models.QuerySet["AstroSource"]):
    """Queries about sources."""

    def get_by_natural_key(self, name: str) -> AstroSource:
        """Return the source called `name`."""
        return self.get(name=name)

    def with_calibrator_mark(self) -> AstroSourceQuerySet:
        """Add ``calibrator``: whether the source calibrates another."""
        links = AstroSource.calibrates.through.objects.filter(from_astrosource=OuterRef("pk"))
        return self.annotate(calibrator=Exists(links))

    def targets(self) -> AstroSourceQuerySet:
        """Return the sources that calibrate none."""
        return self.filter(calibrates__isnull=True)

    def calibrators_of(self, source: AstroSource) -> AstroSourceQuerySet:
        """Return the calibrators of a source."""
        return self.filter(calibrates=source)

    def in_cone(self, ra: float, dec: float, radius: float) -> list[AstroSource]:
        """Return the sources within `radius` of a position, nearest first (all degrees)."""
        near = Q(dec__gte=dec - radius, dec__lte=dec + radius)
        reach = math.cos(math.radians(min(abs(dec) + radius, 90.0)))
        width = (
            math.degrees(math.asin(min(1.0, math.sin(math.radians(min(radius, 90.0))) / reach)))
            if reach > 1e-6
            else 180.0
        )
        if width < 89.0:
            low, high = (ra - width) % 360.0, (ra + width) % 360.0
            inside = Q(ra__gte=low) & Q(ra__lte=high)
            near &= inside if low <= high else Q(ra__gte=low) | Q(ra__lte=high)
        found = [(source.separation(ra, dec), source) for source in self.filter(near)]
        return [s for d, s in sorted(found, key=lambda pair: pair[0]) if d <= radius]


class AstroSource(models.Model):
    """A source of the catalogue: a target, or a star that calibrates targets.

    Positions are ICRS; ``ra`` and ``dec`` (degrees) follow from the texts when saved.
    Literature values: magnitudes, ``p`` as a fraction, ``chi`` in degrees.
    """

    LITERATURE: ClassVar[tuple[str, ...]] = (
        *(f"mag_{band}{end}" for band in BANDS for end in ("", "_err")),
        "p",
        "p_err",
        "chi",
        "chi_err",
    )

    name = models.CharField(max_length=100, unique=True)
    other_names = models.TextField(blank=True, default="", help_text="separated by ;")
    ra_hms = models.CharField(max_length=40)
    dec_dms = models.CharField(max_length=40)
    ra = models.FloatField(editable=False, db_index=True)
    dec = models.FloatField(editable=False, db_index=True)
    pm_ra = NumberField(help_text="mas/yr, with cos(dec)")
    pm_dec = NumberField(help_text="mas/yr")
    srctype = models.CharField(max_length=20, blank=True, default="")
    comment = models.TextField(blank=True, default="")
    metadata = EvidenceField(default=dict, blank=True)
    redshift = NumberField()
    calibrates: models.ManyToManyField[AstroSource, Any] = models.ManyToManyField(
        "self", symmetrical=False, related_name="calibrators", blank=True
    )
    p = NumberField()
    p_err = NumberField()
    chi = NumberField()
    chi_err = NumberField()
    mag_U = NumberField()
    mag_U_err = NumberField()
    mag_B = NumberField()
    mag_B_err = NumberField()
    mag_V = NumberField()
    mag_V_err = NumberField()
    mag_R = NumberField()
    mag_R_err = NumberField()
    mag_I = NumberField()
    mag_I_err = NumberField()
    modified = models.DateTimeField(auto_now=True)

    objects = AstroSourceQuerySet.as_manager()

    class Meta:
        verbose_name = "source"
        verbose_name_plural = "sources"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"AstroSource({self.name})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, with the coordinates in degrees."""
        self.complete()
        super().save(*args, **kwargs)

    def _repr_html_(self) -> str:
        return self._summary().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self._summary().text())

    def _summary(self) -> Summary:
        mags = {
            band: number(getattr(self, f"mag_{band}"), getattr(self, f"mag_{band}_err"), 3)
            for band in BANDS
        }
        return Summary(
            f"AstroSource {self.name}",
            {
                "other names": self.other_names,
                "type": self.srctype,
                "position": f"{self.ra_hms} {self.dec_dms}",
                **mags,
                "p": number(self.p, self.p_err),
                "chi": number(self.chi, self.chi_err, 2),
            },
        )

    def natural_key(self) -> tuple[str]:
        """The name."""
        return (self.name,)

    def complete(self) -> None:
        """Compute ``ra`` and ``dec`` from the texts.

        Raises
        ------
        ValueError
            Where a text is no coordinate.
        """
        self.ra = parse_ra(self.ra_hms)
        self.dec = parse_dec(self.dec_dms)

    @property
    def all_names(self) -> list[str]:
        """The name and the other names."""
        others = (name.strip() for name in self.other_names.split(";"))
        return [self.name, *(name for name in others if name)]

    @property
    def is_calibrator(self) -> bool:
        """Whether the source calibrates another."""
        return self.calibrates.exists()

    @property
    def coord(self) -> Any:
        """The position as `astropy.coordinates.SkyCoord`."""
        from astropy.coordinates import SkyCoord

        return SkyCoord(self.ra, self.dec, unit="deg", frame="icrs")

    @property
    def astrosourcedir(self) -> Any:
        """Directory of the finding chart and other files of the source."""
        return data_directory().astrosource_dir(self.name)

    def magnitude(self, band: str) -> tuple[float, float | None] | None:
        """Return the literature magnitude and its error, None where there is none."""
        value = getattr(self, f"mag_{band}", None)
        return None if value is None else (value, getattr(self, f"mag_{band}_err"))

    def place_at(self, jd: float | None) -> tuple[float, float]:
        """Return the position (ICRS, degrees) at a Julian date; that of J2000 for None."""
        if jd is None or not (self.pm_ra or self.pm_dec):
            return self.ra, self.dec
        step = (jd - _J2000) / 365.25 * _DEGREE_OF_MAS
        across = (self.pm_ra or 0.0) / max(math.cos(math.radians(self.dec)), 1e-6)
        return (self.ra + step * across) % 360.0, self.dec + step * (self.pm_dec or 0.0)

    def separation(self, ra: float, dec: float) -> float:
        """Return the distance to a position in degrees (haversine formula)."""
        a, b = math.radians(self.dec), math.radians(dec)
        half = math.radians(self.ra - ra) / 2
        h = math.sin((a - b) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(half) ** 2
        return math.degrees(2 * math.asin(min(1.0, math.sqrt(h))))
