"""The same site for ASGI servers: ``polarnight.web.asgi:application``."""

from __future__ import annotations

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.web.settings"

from django.core.asgi import get_asgi_application

from polarnight.config import get_settings
from polarnight.web.secret import ensure_secret

ensure_secret(get_settings().web_key)
application = get_asgi_application()
