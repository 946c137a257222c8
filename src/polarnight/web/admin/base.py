"""What all tables of the admin site share: nothing is written, little is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from polarnight.web.access.roles import Action, allowed
from polarnight.web.admin.deadline import deadline
from polarnight.web.links import page_url

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["NightColumns", "ReadOnlyAdmin", "flags_of", "linked", "rows_link", "shown"]

_SECONDS = 5.0
_LONGEST = 5000


def linked(text: object, name: str, *arguments: Any, **query: Any) -> str | SafeString:
    """Return a text with a link to one of our pages; plain where there is no such page."""
    url = page_url(name, *arguments, **query)
    return format_html('<a href="{}">{}</a>', url, text) if url else str(text)


def rows_link(model: str, text: object, **query: str | int) -> SafeString:
    """Return a link to the list of another table, filtered."""
    url = reverse(f"admin:polarnight_{model}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(query), text)


def shown(description: str, ordering: str | None = None) -> Callable[[Any], Any]:
    """Name a column that is computed, and by what it is ordered."""
    return admin.display(description=description, ordering=ordering)


def flags_of(obj: Any) -> SafeString:
    """Return the flags in force, those of errors in red."""
    return format_html_join(
        " ", '<span class="{}">{}</span>',
        (("pn-bad" if "ERROR" in name else "pn-flag", name) for name in obj.flag_labels),
    )  # fmt: skip


class NightColumns:
    """Columns of rows that belong to a night and bear flags."""

    @shown("night", "epoch__night")
    def night(self, obj: Any) -> str:
        """The link to the night."""
        epoch = obj.epoch
        return linked(epoch.epochname, "night", epoch.telescope, epoch.night.isoformat())

    @shown("flags", "flags")
    def flags_(self, obj: Any) -> SafeString:
        """The flags."""
        return flags_of(obj)


class _LimitedList(ChangeList):
    """A list whose queries are given up after some seconds, with a word about it."""

    def get_results(self, request: HttpRequest) -> None:
        """Read one page."""
        from django.contrib import messages

        whole = self.queryset
        try:
            with deadline(whole.db, _SECONDS):
                super().get_results(request)
                len(self.result_list)  # reads it, while the clock runs
        except DatabaseError:
            text = "The database took too long for these filters; choose a night, or fewer rows."
            messages.error(request, text)
            self.queryset = whole.none()
            super().get_results(request)


class ReadOnlyAdmin(_ModelAdmin):
    """A table that is looked at: no row is added, changed or deleted here."""

    list_per_page = 100
    list_max_show_all = 100
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions: Sequence[Any] | None = ()
    hidden: tuple[str, ...] = ()
    """Columns that the page of a row leaves out."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return a list that gives up in time."""
        return _LimitedList

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the user is an administrator."""
        return allowed(request.user, Action.ADMIN)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user is an administrator."""
        return allowed(request.user, Action.ADMIN)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Send to the audit, where the history is.

        Raises
        ------
        PermissionDenied
        """
        from django.shortcuts import redirect

        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect("audit")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return all columns; lists of other rows, which may be long, are on our own pages."""
        columns = [
            field for field in self.model._meta.concrete_fields if field.name not in self.hidden
        ]
        return [f"show_{c.name}" if self._is_long(c) else c.name for c in columns]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """All of them."""
        return self.get_fields(request, obj)

    @staticmethod
    def _is_long(field: Any) -> bool:
        return isinstance(field, models.JSONField)

    def __getattr__(self, name: str) -> Any:
        """Show JSON of a row cut to a length that a browser bears."""
        if not name.startswith("show_"):
            raise AttributeError(name)
        column = name.removeprefix("show_")

        def show(obj: Any) -> SafeString:
            import json

            text = json.dumps(getattr(obj, column), indent=1, ensure_ascii=False, default=str)
            cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
            return format_html("<pre>{}</pre>", cut)

        show.short_description = column.replace("_", " ")  # type: ignore[attr-defined]
        return show
