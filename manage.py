#!/usr/bin/env python
"""Django's own commands on the site, with the configuration of Polarnight."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that was given."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.web.settings"
    from django.core.management import execute_from_command_line

    from polarnight.config import get_settings
    from polarnight.web.secret import ensure_secret

    settings = get_settings()
    settings.data.ensure()
    ensure_secret(settings.web_key)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
