"""The same site for ASGI servers: ``polarnight.web.asgi:application``."""

from __future__ import annotations

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.web.settings"

from django.core.asgi import get_asgi_application

application = get_asgi_application()
