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

__all__ = ["AstroSourceAdmin", "CalibratorFilter"]


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
        "edit", "plot",
    )  # fmt: skip
    list_display_links = ("id",)
    list_filter = (CalibratorFilter, IdFilter, "srctype")
    search_fields = ("name", "other_names")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Mark calibrators."""
        return AstroSource.objects.with_calibrator_mark().order_by("name")

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
