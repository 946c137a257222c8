"""Who is at the other end of the line."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

from polarnight.config import get_settings

__all__ = ["client_ip", "counted_ip"]

_OF_ONE_CLIENT = 64  # bits of the network that a provider gives to one line, by IPv6


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


def counted_ip(request: HttpRequest) -> str:
    """Return the address by which wrong passwords are counted.

    With IPv6 everybody has 2**64 addresses: it is that of the network, then.
    """
    text = client_ip(request)
    if ":" not in text:
        return text
    network = ipaddress.ip_network(f"{text.partition('%')[0]}/{_OF_ONE_CLIENT}", strict=False)
    return str(network.network_address)


def _valid(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    # A socket for both protocols tells 192.0.2.1 as ::ffff:192.0.2.1.
    return str(getattr(address, "ipv4_mapped", None) or address)
