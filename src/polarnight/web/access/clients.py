"""Who is at the other end of the line."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

from polarnight.config import get_settings

__all__ = ["client_ip"]


def client_ip(request: HttpRequest) -> str:
    """Return the address of the client, ``""`` where there is none (a UNIX socket).

    ``X-Forwarded-For`` counts only as far as ``web.trusted_proxies`` wrote it: each appends
    the address it was asked from, and what stands before may be forged.
    """
    proxies = get_settings().web.trusted_proxies
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not proxies:
        return _valid(direct)
    told = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    told = [part for part in told if part]
    if len(told) < proxies:
        return _valid(direct)
    return _valid(told[-proxies]) or _valid(direct)


def _valid(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
