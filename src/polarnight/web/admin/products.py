"""Nights, frames and masters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from polarnight.db.models import AstroSource, Epoch, RawFit, ReducedFit
from polarnight.db.models.masters import MasterBias, MasterDark, MasterFlat
from polarnight.web.admin.base import (
    NightColumns,
    ReadOnlyAdmin,
    flags_of,
    linked,
    rows_link,
    shown,
)
from polarnight.web.admin.filters import (
    FlagsFilter,
    IdFilter,
    NightFilter,
    OwnNightFilter,
    PatternFilter,
    PreviewFilter,
    ResultFilter,
    master_filter,
    previews_shown,
    text_filter,
)
from polarnight.web.admin.judging import ReasonForm, ignore, use_again
from polarnight.web.admin.site import admin_site
from polarnight.web.nights.keywords import keywords_of

__all__ = ["EpochAdmin", "FrameAdmin", "MasterAdmin", "RawFitAdmin", "ReducedFitAdmin"]

_ImgsizeFilter = text_filter("size", "imgsize")


@admin.register(Epoch, site=admin_site)
class EpochAdmin(ReadOnlyAdmin):
    """Nights with what there is of them."""

    list_display = (
        "id", "show_night", "telescope", "night", "raw", "bias", "dark", "flat", "light",
        "reduced", "solved", "failed", "results", "flags_", "flags_of_frames", "lists",
    )  # fmt: skip
    list_display_links = ("id",)
    list_filter = (IdFilter, "telescope", OwnNightFilter, FlagsFilter)
    ordering = ("-night", "telescope")
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Add what the headers of its raw frames hold."""
        return [*super().get_fields(request, obj), "keywords"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Count, but only for lists: the order of a list must not count all nights."""
        return super().get_queryset(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Count for the rows of the page only."""
        base = super().get_changelist(request, **kwargs)

        class Counted(base):  # type: ignore[misc, valid-type]
            def get_results(self, request: HttpRequest) -> None:
                super().get_results(request)
                rows = vars(self)["result_list"]
                keys = [row.pk for row in rows]
                counted = Epoch.objects.filter(pk__in=keys).with_counts().in_bulk()
                for key, names in _flags_of_frames(keys).items():
                    vars(counted[key])["flags_of_frames"] = names
                self.result_list = [counted[key] for key in keys]

        return Counted

    @shown("page")
    def show_night(self, obj: Any) -> str:
        """The link to our page."""
        return linked(obj.epochname, "night", obj.telescope, obj.night.isoformat())

    @shown("flags", "flags")
    def flags_(self, obj: Any) -> SafeString:
        """The flags."""
        return flags_of(obj)

    @shown("flags of its raw frames")
    def flags_of_frames(self, obj: Any) -> str:
        """All flags that any of them bears."""
        return ", ".join(vars(obj).get("flags_of_frames", ()))

    @shown("keywords of its raw headers")
    def keywords(self, obj: Any) -> SafeString:
        """All of them, with the number of frames that have each."""
        found = keywords_of(obj)
        told = format_html("<p>{} of {} raw frames were read.</p>", found.n_read, found.n_frames)
        rows = format_html_join(
            "", "<tr><th scope='row'><code>{}</code></th><td>{}</td></tr>", found.counts.items()
        )
        head = format_html(
            "<tr><th scope='col'>{}</th><th scope='col'>{}</th></tr>", "key", "frames"
        )
        return format_html("{}<table><thead>{}</thead><tbody>{}</tbody></table>", told, head, rows)

    @shown("lists")
    def lists(self, obj: Any) -> SafeString:
        """Links to the raw and the reduced frames of the night."""
        asked = {"epoch__telescope": obj.telescope, "night": obj.night.isoformat()}
        links = ((rows_link(f"{kind}fit", kind, **asked),) for kind in ("raw", "reduced"))
        return format_html_join(" ", "{}", links)


def _flags_of_frames(nights: Sequence[int]) -> dict[int, list[str]]:
    """Return the flags that any raw frame of some nights bears."""
    found = dict.fromkeys(nights, 0)
    pairs = RawFit.objects.filter(epoch__in=nights).values_list("epoch", "flags").distinct()
    for night, flags in pairs.order_by():
        found[night] |= flags
    return {
        night: [flag.name or "" for flag in RawFit.FLAGS if flags & flag]
        for night, flags in found.items()
    }


def _counted(name: str) -> Any:
    def count(self: Any, obj: Any) -> int:
        return int(getattr(obj, f"n_{name}"))

    return shown(name)(count)


for _name in ("raw", "bias", "dark", "flat", "light", "reduced", "solved", "failed", "results"):
    setattr(EpochAdmin, _name, _counted(_name))


class FrameAdmin(NightColumns, ReadOnlyAdmin):
    """What raw frames, reduced frames and masters share."""

    frame_kind = ""
    actions = (ignore, use_again)
    action_form = ReasonForm
    list_select_related = ("epoch",)
    list_display_links = ("id",)
    ordering = ("-id",)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Add the previews where they are asked for."""
        columns = list(super().get_list_display(request))
        if previews_shown(request):
            columns.insert(1, "preview")
        return columns

    @shown("viewer")
    def viewer(self, obj: Any) -> str:
        """The link to the viewer."""
        return linked("open", "frame", self.frame_kind, obj.pk)

    @shown("preview")
    def preview(self, obj: Any) -> str | SafeString:
        """A small picture, fetched when it comes into view."""
        try:
            url = reverse("api:picture", args=(self.frame_kind, obj.pk))
        except NoReverseMatch:
            return ""
        return format_html('<img class="pn-preview" loading="lazy" alt="" src="{}?side=256">', url)


_FRAME_FILTERS = (
    PreviewFilter, IdFilter, "epoch__telescope", NightFilter, PatternFilter, "instrument",
    "imgtype", "obsmode", "band", _ImgsizeFilter, FlagsFilter,
)  # fmt: skip
_FRAME_COLUMNS = (
    "id", "viewer", "night", "filename", "instrument", "imgtype", "obsmode", "band",
    "object_name", "rotangle", "exptime", "imgsize", "imgbinning", "juliandate", "flags_",
)  # fmt: skip


@admin.register(RawFit, site=admin_site)
class RawFitAdmin(FrameAdmin):
    """Raw frames."""

    frame_kind = "raw"
    list_display = (*_FRAME_COLUMNS, "error")
    list_filter = (*_FRAME_FILTERS, *(master_filter(kind) for kind in ("bias", "dark", "flat")))
    hidden = ("mtime_ns",)


@admin.register(ReducedFit, site=admin_site)
class ReducedFitAdmin(FrameAdmin):
    """Reduced frames."""

    frame_kind = "reduced"
    list_display = (*_FRAME_COLUMNS, "solved", "fwhm", "targets", "error")
    list_filter = (*_FRAME_FILTERS, "solved", ResultFilter)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the targets of all rows at once."""
        targets = AstroSource.objects.targets().only("pk", "name")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                Prefetch("sources_in_field", queryset=targets, to_attr="targets_in_field")
            )
        )

    @shown("targets in field")
    def targets(self, obj: Any) -> str | SafeString:
        """The targets that the solution has in the field; else what OBJECT says."""
        if not obj.targets_in_field:
            return format_html("{}?", obj.object_name) if obj.object_name else ""
        links = ((linked(one.name, "source", one.pk),) for one in obj.targets_in_field[:8])
        return format_html_join(", ", "{}", links)


_MASTER_COLUMNS: tuple[Any, ...] = (
    "id", "viewer", "night", "instrument", "imgsize", "imgbinning", "readmode", "built_from", "jd",
    "flags_", "error",
)  # fmt: skip
_MASTER_FILTERS: tuple[Any, ...] = (
    PreviewFilter, IdFilter, "epoch__telescope", NightFilter, "instrument", _ImgsizeFilter,
    FlagsFilter,
)  # fmt: skip


class MasterAdmin(FrameAdmin):
    """Masters."""

    list_display = _MASTER_COLUMNS
    list_filter = _MASTER_FILTERS

    @shown("built from")
    def built_from(self, obj: Any) -> str | SafeString:
        """The link to the raw frames that it was made of."""
        return rows_link("rawfit", f"{obj.n_used} frames", **{f"{self.frame_kind}_master": obj.pk})


@admin.register(MasterBias, site=admin_site)
class MasterBiasAdmin(MasterAdmin):
    """Master biases."""

    frame_kind = "bias"


@admin.register(MasterDark, site=admin_site)
class MasterDarkAdmin(MasterAdmin):
    """Master darks."""

    frame_kind = "dark"
    list_display = (*_MASTER_COLUMNS[:4], "exptime", *_MASTER_COLUMNS[4:])


@admin.register(MasterFlat, site=admin_site)
class MasterFlatAdmin(MasterAdmin):
    """Master flats."""

    frame_kind = "flat"
    list_display = (
        *_MASTER_COLUMNS[:4], "band", "obsmode", "rotangle", *_MASTER_COLUMNS[4:],
    )  # fmt: skip
    list_filter = (*MasterAdmin.list_filter, "band", "obsmode")
