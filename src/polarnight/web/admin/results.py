"""Results, and what people decided about rows."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from polarnight.db.models import AperPhotResult, PhotoPolResult
from polarnight.db.models.audit import FlagChange, HumanDecision
from polarnight.web.admin.base import NightColumns, ReadOnlyAdmin, linked, rows_link, shown
from polarnight.web.admin.filters import (
    FlagsFilter,
    IdFilter,
    NightFilter,
    ResultFilter,
    text_filter,
)
from polarnight.web.admin.site import admin_site
from polarnight.web.links import page_url

__all__ = ["AperPhotResultAdmin", "PhotoPolResultAdmin"]


@admin.register(AperPhotResult, site=admin_site)
class AperPhotResultAdmin(ReadOnlyAdmin):
    """Fluxes of sources in frames."""

    list_display = (
        "id", "thumbnail", "source", "frame", "pairs", "aperpix", "r_in", "r_out", "flux_counts",
        "flux_counts_err", "fwhm", "x_px", "y_px",
    )  # fmt: skip
    list_display_links = ("id",)
    list_filter = (
        IdFilter, text_filter("source", "astrosource__name"), ResultFilter, FlagsFilter
    )  # fmt: skip
    list_select_related = ("astrosource", "reducedfit__epoch")
    ordering = ("-id",)

    @shown("diagnostic")
    def thumbnail(self, obj: Any) -> SafeString:
        """The cut-out, fetched when it comes into view, that leads to the diagnostic."""
        return format_html(
            '<a href="{}"><img class="pn-thumbnail" loading="lazy" width="64" height="64" '
            'alt="Diagnostic of {}" src="{}"></a>',
            page_url("aperture", obj.pk), obj.pk, reverse("api:get_thumbnail", args=(obj.pk,)),
        )  # fmt: skip

    @shown("source", "astrosource__name")
    def source(self, obj: Any) -> str:
        """The link to the source."""
        return linked(obj.astrosource.name, "source", obj.astrosource_id)

    @shown("frame")
    def frame(self, obj: Any) -> str:
        """The link to the viewer."""
        return linked(obj.reducedfit.fileloc, "frame", "reduced", obj.reducedfit_id)


@admin.register(PhotoPolResult, site=admin_site)
class PhotoPolResultAdmin(NightColumns, ReadOnlyAdmin):
    """Magnitudes and polarizations."""

    list_display = (
        "id", "source", "night", "instrument", "band", "reduction", "juliandate", "mag", "mag_err",
        "p", "p_err", "chi", "chi_err", "flags_", "diagnostics", "frames", "apertures",
    )  # fmt: skip
    list_display_links = ("id",)
    list_filter = (
        IdFilter, text_filter("source", "astrosource__name"), "epoch__telescope", NightFilter,
        "instrument", "band", "reduction", FlagsFilter,
    )  # fmt: skip
    list_select_related = ("astrosource", "epoch")
    ordering = ("-id",)

    @shown("source", "astrosource__name")
    def source(self, obj: Any) -> str:
        """The link to the source."""
        return linked(obj.astrosource.name, "source", obj.astrosource_id)

    @shown("diagnostics")
    def diagnostics(self, obj: Any) -> str:
        """The link to the page of the result."""
        return linked("open", "result", obj.pk)

    @shown("frames")
    def frames(self, obj: Any) -> SafeString:
        """The link to the reduced frames that it was made of."""
        return rows_link("reducedfit", obj.n_frames, result=obj.pk)

    @shown("apertures")
    def apertures(self, obj: Any) -> SafeString:
        """The link to the apertures that it was made of."""
        return rows_link("aperphotresult", "list", result=obj.pk)


@admin.register(HumanDecision, site=admin_site)
class HumanDecisionAdmin(ReadOnlyAdmin):
    """Decisions in force."""

    list_display = ("id", "model", "key", "set_bits", "clear_bits", "who", "modified", "comment")
    list_filter = (IdFilter, "model", text_filter("who", "who"))
    search_fields = ("key",)
    ordering = ("-id",)


@admin.register(FlagChange, site=admin_site)
class FlagChangeAdmin(ReadOnlyAdmin):
    """All that people changed."""

    list_display = ("id", "when", "who", "model", "key", "what", "why")
    list_filter = (IdFilter, "model", text_filter("who", "who"))
    search_fields = ("key",)
    ordering = ("-id",)
