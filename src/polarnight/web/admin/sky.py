"""Sources."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest

from polarnight.db.models import AstroSource
from polarnight.web.admin.base import ReadOnlyAdmin, linked, shown
from polarnight.web.admin.filters import IdFilter
from polarnight.web.admin.site import admin_site
from polarnight.web.catalogue.latest import last_seen
from polarnight.web.templatetags.polarnight import pm

__all__ = ["AstroSourceAdmin", "CalibratorFilter"]

_SHORT = 80  # characters of a comment in the list


class CalibratorFilter(SimpleListFilter):
    """Targets unless others are asked for."""

    title, parameter_name = "calibrators", "calibrators"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What may be shown besides targets."""
        return [("only", "only calibrators"), ("all", "all sources")]

    def choices(self, changelist: Any) -> Any:
        """Call the default what it is."""
        for n, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "only targets"} if n == 0 else choice

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Filter by the mark that the list has anyway."""
        if self.value() == "all":
            return queryset
        return queryset.filter(calibrator=self.value() == "only")


@admin.register(AstroSource, site=admin_site)
class AstroSourceAdmin(ReadOnlyAdmin):
    """Sources; they are changed on their own pages."""

    list_display = (
        "id", "page", "other_names", "srctype", "ra_hms", "dec_dms", "mag_R", "calibrator",
        "last_seen", "last_mag", "andor90", "andor150", "dipol", "comment_", "field_stars",
        "edit", "plot",
    )  # fmt: skip
    list_display_links = ("id",)
    list_filter = (CalibratorFilter, IdFilter, "srctype")
    search_fields = ("name", "other_names")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Mark calibrators."""
        return AstroSource.objects.with_calibrator_mark().order_by("name")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Look up what was last seen of the sources of the page only, all at once."""
        base = super().get_changelist(request, **kwargs)

        class WithLast(base):  # type: ignore[misc, valid-type]
            def get_results(self, request: HttpRequest) -> None:
                super().get_results(request)
                rows = list(vars(self)["result_list"])
                seen = last_seen(rows)
                for row in rows:
                    row.seen = seen[row.pk]
                self.result_list = rows

        return WithLast

    @shown("last seen (UTC)")
    def last_seen(self, obj: Any) -> str:
        """When its last result was taken."""
        return obj.seen.when.strftime("%Y-%m-%d %H:%M") if obj.seen.when else ""

    @shown("last R")
    def last_mag(self, obj: Any) -> str:
        """The mean R magnitude of the last night that has one."""
        return "" if obj.seen.mag is None else pm(obj.seen.mag, obj.seen.mag_err)

    @shown("Andor90 (s)")
    def andor90(self, obj: Any) -> str:
        """The recommended exposure."""
        return _exposure(obj, "andor90")

    @shown("Andor150 (s)")
    def andor150(self, obj: Any) -> str:
        """The recommended exposure."""
        return _exposure(obj, "andor150")

    @shown("DIPOL (s)")
    def dipol(self, obj: Any) -> str:
        """The recommended exposure, and how often."""
        text = _exposure(obj, "dipol")
        return f"{text} × {obj.seen.advice.repeats}" if text.isdigit() else text

    @shown("comment", "comment")
    def comment_(self, obj: Any) -> str:
        """The beginning of the comment, as text."""
        text = " ".join(obj.comment.split())
        return text if len(text) <= _SHORT else f"{text[:_SHORT].rstrip()}…"

    @shown("")
    def field_stars(self, obj: Any) -> str:
        """The link to the import of field stars."""
        return "" if obj.calibrator else linked("field stars", "source-field", obj.pk)

    @shown("name", "name")
    def page(self, obj: Any) -> str:
        """The link to the page."""
        return linked(obj.name, "source", obj.pk)

    @admin.display(description="calibrator", boolean=True)
    def calibrator(self, obj: Any) -> bool:
        """Whether it calibrates another."""
        return bool(obj.calibrator)

    @shown("")
    def edit(self, obj: Any) -> str:
        """The link to the form."""
        return linked("edit", "source-edit", obj.pk)

    @shown("")
    def plot(self, obj: Any) -> str:
        """The link to the light curve."""
        return linked("plot", "plot", srcname=obj.name)


def _exposure(obj: Any, name: str) -> str:
    advice = obj.seen.advice
    if advice is None:
        return ""
    seconds = getattr(advice, name)
    return "too faint" if seconds is None else str(seconds)
