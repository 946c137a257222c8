"""Names of servers, and the addresses they stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from polarnight.ophidia.errors import BadValue

__all__ = ["HERE", "Address", "address_of", "is_here"]

HERE = ("", "local", "localhost", "127.0.0.1", "::1")
"""Names of this process; a server on this machine is ``http://localhost:8765``."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?|[0-9A-Fa-f:.]{2,45}")
_REMEDY = "give a name such as cubes.example.org, or https://cubes.example.org/site"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is.

    Attributes
    ----------
    secure : bool
        Whether by TLS; False only on this machine.
    host : str
    port : int
    path : str
        Before ``/api``; without a slash at its end.
    """

    secure: bool
    host: str
    port: int
    path: str = ""

    @property
    def url(self) -> str:
        """The address as it is written."""
        scheme, usual = ("https", 443) if self.secure else ("http", 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}{'' if self.port == usual else f':{self.port}'}{self.path}"


def is_here(server: str) -> bool:
    """Tell whether a name means this process."""
    return server.strip().lower() in HERE


def address_of(server: str, port: str = "") -> Address:
    """Return the address of a server.

    Parameters
    ----------
    server : str
        A name (then by HTTPS), or an address that begins with ``https://``; ``http://`` is for
        this machine only.
    port : str
        ``""`` for the usual one.

    Raises
    ------
    BadValue
        Where it is no address, holds a password, or would send one without TLS.
    """
    text = server.strip()
    if not text.isprintable():
        msg = f"the server {server[:80]!r} is no address"
        raise BadValue(msg, _REMEDY)
    if "://" not in text:
        text = f"https://[{text}]" if text.count(":") > 1 and "[" not in text else f"https://{text}"
    try:
        parts = urlsplit(text)
        host, own = parts.hostname or "", parts.port
    except ValueError as error:
        msg = f"the server {server[:80]!r} is no address ({error})"
        raise BadValue(msg, _REMEDY) from error
    if "@" in parts.netloc:
        msg = f"the address of the server {host!r} holds a user or a password"
        raise BadValue(msg, "give them apart: user and password, or a token")
    if not _HOST.fullmatch(host) or parts.query or parts.fragment:
        msg = f"the server {server[:80]!r} is no address"
        raise BadValue(msg, _REMEDY)
    if parts.scheme not in {"https", "http"} or (parts.scheme == "http" and host not in _LOOPBACK):
        msg = f"{parts.scheme}://{host} would send passwords and data open to all"
        raise BadValue(msg, f"use https://{host}; http is for servers on this machine")
    usual = 443 if parts.scheme == "https" else 80
    number = own if own is not None else _port(port, host, usual)
    return Address(parts.scheme == "https", host, number, quote(parts.path.rstrip("/"), safe="/%~"))


def _port(port: str, host: str, usual: int) -> int:
    text = str(port).strip()
    if not text:
        return usual
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) < 65536:
        msg = f"the port {text[:20]!r} of {host} is no number from 1 to 65535"
        raise BadValue(msg, "leave it out for the usual one")
    return int(text)
