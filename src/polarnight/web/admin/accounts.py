"""Users, groups, tokens, jobs and actions; they are changed on their own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, User

from polarnight.web.admin.base import ReadOnlyAdmin, linked, shown
from polarnight.web.admin.filters import IdFilter, text_filter
from polarnight.web.admin.site import admin_site
from polarnight.web.models import ActionLog, ApiToken, Job, SavedView

__all__ = ["ApiTokenAdmin", "JobAdmin", "UserAdmin"]


@admin.register(User, site=admin_site)
class UserAdmin(ReadOnlyAdmin):
    """Users without anything of their passwords."""

    list_display = (
        "id",
        "username",
        "groups_",
        "is_active",
        "is_superuser",
        "last_login",
        "change",
    )
    list_filter = (IdFilter, "is_active", "groups")
    search_fields = ("username",)
    ordering = ("username",)
    hidden = ("password",)

    def get_queryset(self, request: Any) -> Any:
        """Read the groups of all rows at once, and no password."""
        return super().get_queryset(request).prefetch_related("groups").defer("password")

    @shown("groups")
    def groups_(self, obj: Any) -> str:
        """The names of the groups."""
        return ", ".join(group.name for group in obj.groups.all())

    @shown("")
    def change(self, obj: Any) -> str:
        """The link to the page where users are changed."""
        return linked("change", "users")


@admin.register(Group, site=admin_site)
class GroupAdmin(ReadOnlyAdmin):
    """Groups."""

    list_display = ("id", "name")
    ordering = ("name",)


@admin.register(ApiToken, site=admin_site)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens without their secrets, and without the hashes of these."""

    list_display = (
        "id",
        "user",
        "name",
        "shown",
        "scope",
        "created",
        "expires",
        "last_used",
        "revoked",
    )
    list_filter = (IdFilter, "scope", text_filter("user", "user__username"))
    list_select_related = ("user",)
    ordering = ("-id",)
    hidden = ("digest",)

    def get_queryset(self, request: Any) -> Any:
        """Leave the hashes where they are."""
        return super().get_queryset(request).defer("digest")


@admin.register(Job, site=admin_site)
class JobAdmin(ReadOnlyAdmin):
    """Jobs."""

    list_display = ("id", "page", "kind", "state", "who", "created", "started", "finished", "error")
    list_filter = (IdFilter, "state", "kind", text_filter("who", "who"))
    ordering = ("-id",)
    hidden = ("task_id",)

    @shown("job")
    def page(self, obj: Any) -> str:
        """The link to the page of the job."""
        return linked(obj.title, "job", obj.pk)


@admin.register(SavedView, site=admin_site)
class SavedViewAdmin(ReadOnlyAdmin):
    """Views that people keep."""

    list_display = ("id", "user", "page", "name", "shared", "modified")
    list_select_related = ("user",)
    ordering = ("-id",)


@admin.register(ActionLog, site=admin_site)
class ActionLogAdmin(ReadOnlyAdmin):
    """Actions of people besides flags and comments."""

    list_display = ("id", "when", "who", "what", "kind", "key", "why", "ip")
    list_filter = (IdFilter, "kind", text_filter("who", "who"))
    search_fields = ("key",)
    ordering = ("-id",)
