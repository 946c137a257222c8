"""The admin site: all tables, for administrators; Django finds it by this module's name."""

from polarnight.web.admin import accounts, products, results, sky
from polarnight.web.admin.site import admin_site

__all__ = ["accounts", "admin_site", "products", "results", "sky"]
