"""Addresses of the site: pages under their own names, the API under ``/api/v1/``."""

from __future__ import annotations

from django.urls import include, path

from polarnight.web.admin import admin_site
from polarnight.web.api import api

__all__ = ["urlpatterns"]

urlpatterns = [
    path("", include("polarnight.web.pages.urls")),
    path("api/v1/", api.urls),
    path("admin/", admin_site.urls),
]

handler400 = "polarnight.web.pages.errors.bad_request"
handler403 = "polarnight.web.pages.errors.forbidden"
handler404 = "polarnight.web.pages.errors.not_found"
handler500 = "polarnight.web.pages.errors.fault"
