"""Requests to a server and its answers: TLS, credentials, and what is said when it fails."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from polarnight.ophidia.errors import AccessRefused, BadValue, NoServer, OphidiaError
from polarnight.ophidia.transport.address import Address

__all__ = ["Credentials", "Wire"]

_CONNECT = 20.0  # seconds; a server that is there takes up at once
_PATIENCE = 3600.0  # seconds; commands may compute for long
_LONGEST = 512 * 1024 * 1024  # bytes of an answer in JSON
_TOLD = 300


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks: a token, or user and password; nothing of it is ever shown."""

    user: str = ""
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.user!r})"

    @property
    def header(self) -> dict[str, str]:
        """The header of a request; none where nothing was given.

        Raises
        ------
        BadValue
            For a token or user that cannot stand in a header.
        """
        if self.token:
            if not re.fullmatch(r"[\x21-\x7e]+", self.token):
                raise BadValue("the token holds blanks or other characters that no token has")
            return {"Authorization": f"Bearer {self.token}"}
        if not self.user:
            return {}
        if ":" in self.user:
            raise BadValue(f"the user {self.user!r} holds a colon", "use a token")
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
        return {"Authorization": f"Basic {pair}"}

    @property
    def shown(self) -> str:
        """Who asks, in words."""
        return "the token" if self.token else f"user {self.user!r}" if self.user else "nobody"


class Wire:
    """Requests to one server.

    Parameters
    ----------
    address : Address
    credentials : Credentials
    patience : float, optional
        Seconds to wait for an answer; OPH_TIMEOUT, or an hour.
    """

    def __init__(
        self, address: Address, credentials: Credentials, patience: float | None = None
    ) -> None:
        self.address = address
        self.credentials = credentials
        self.patience = patience or _from_environment()
        self.header = credentials.header

    def post(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Send JSON and return the JSON that comes back.

        Raises
        ------
        OphidiaError
            Where the server refuses, fails, is not there, or answers anything else.
        """
        body = json.dumps(content).encode()
        header = {"Content-Type": "application/json", "Accept": "application/json"}
        with self._asked("POST", path, body, header) as answer:
            text = answer.read(_LONGEST + 1)
            self._check_length(answer, len(text))
        if len(text) > _LONGEST:
            raise NoServer(f"the answer of {self._name} has more than {_LONGEST} bytes")
        try:
            made = json.loads(text)
        except (ValueError, RecursionError):
            made = None
        if not isinstance(made, dict):
            raise self._no_site(f"its answer is no JSON object but {_short(text)!r}")
        return made

    def get(self, path: str, query: Mapping[str, str]) -> Iterator[bytes]:
        """Give the pieces of a file.

        Raises
        ------
        OphidiaError
            As `post`; also where it ends too soon.
        """
        header = {"Accept": "*/*"}
        with self._asked("GET", f"{path}?{urlencode(query)}", None, header) as answer:
            come = 0
            while piece := answer.read(1 << 20):
                come += len(piece)
                yield piece
            self._check_length(answer, come)

    def _check_length(self, answer: http.client.HTTPResponse, come: int) -> None:
        length = answer.getheader("Content-Length") or ""
        if length.isdigit() and come < min(int(length), _LONGEST):
            msg = f"{self._name} sent {come} of {length} bytes"
            raise NoServer(msg, "try again")

    # --- one request -------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self.address.url

    @contextmanager
    def _asked(
        self, method: str, path: str, body: bytes | None, header: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connection()
        try:
            with self._plain():
                connection.connect()
                connection.sock.settimeout(self.patience)
                connection.request(
                    method,
                    f"{self.address.path}{path}",
                    body,
                    {**header, **self.header, "User-Agent": "Polarnight"},
                )
                answer = connection.getresponse()
                if answer.status != 200:
                    raise self._refused(answer)
            with self._plain():
                yield answer
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        """Return a connection, through the proxy of the environment where there is one."""
        host, port = self.address.host, self.address.port
        if not self.address.secure:
            return http.client.HTTPConnection(host, port, timeout=_CONNECT)
        # Certificates are verified, always: an authority of one's own goes by SSL_CERT_FILE.
        context = ssl.create_default_context()
        proxy = urlsplit(getproxies().get("https", ""))
        if proxy.hostname and not proxy_bypass(host):
            made = http.client.HTTPSConnection(
                proxy.hostname, proxy.port or 8080, timeout=_CONNECT, context=context
            )
            made.set_tunnel(host, port)
            return made
        return http.client.HTTPSConnection(host, port, timeout=_CONNECT, context=context)

    @contextmanager
    def _plain(self) -> Iterator[None]:
        """Say in words what goes wrong on the way."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            told = getattr(error, "verify_message", "") or str(error)
            msg = f"the certificate of {self._name} cannot be trusted: {_short(told)}"
            raise NoServer(
                msg, "is the name right? for an authority of your own set SSL_CERT_FILE"
            ) from error
        except socket.gaierror as error:
            msg = f"there is no server {self.address.host!r}: {error.strerror}"
            raise NoServer(msg, "check its name; '' computes in this process") from error
        except TimeoutError as error:
            msg = f"{self._name} did not answer in time"
            remedy = "try again; a long command goes on there, exec_mode=async does not wait for it"
            raise NoServer(msg, remedy) from error
        except (OSError, http.client.HTTPException) as error:
            told = getattr(error, "strerror", None) or str(error) or type(error).__name__
            msg = f"{self._name} cannot be reached: {_short(told)}"
            remedy = "is it up, and the port right? '' computes in this process"
            raise NoServer(msg, remedy) from error

    def _refused(self, answer: http.client.HTTPResponse) -> OphidiaError:
        """Return the error for an answer that is not 200."""
        status, name, who = answer.status, self._name, self.credentials.shown
        if 300 <= status < 400:
            where = _short(answer.getheader("Location") or "elsewhere")
            return self._no_site(f"it sends on to {where}")
        told, known = _problem(answer, status)
        if status == 401:
            remedy = "check user and password, or the token"
            return AccessRefused(f"{name} does not know {who}: {told}", remedy)
        if status == 403:
            remedy = "ask those who run it for the right to do that"
            return AccessRefused(f"{name} refuses {who}: {told}", remedy)
        if status == 429:
            wait = answer.getheader("Retry-After") or ""
            when = f"in {wait} seconds" if wait.isdigit() else "later"
            return NoServer(f"{name} has too many requests: {told}", f"try again {when}")
        if status >= 500:
            remedy = "try again later, and tell those who run it"
            return NoServer(f"{name} has a fault ({status}): {told}", remedy)
        if not known and status in {404, 405}:
            return self._no_site(f"it answers {status}")
        return BadValue(f"{name} refuses the request ({status}): {told}")

    def _no_site(self, why: str) -> NoServer:
        msg = f"{self._name} is no Polarnight site: {why}"
        return NoServer(msg, "check its address, also the path behind the name")


def _problem(answer: http.client.HTTPResponse, status: int) -> tuple[str, bool]:
    """Return what problem details say, and whether there were any."""
    text = answer.read(65_536)
    try:
        problem = json.loads(text)
    except (ValueError, RecursionError):
        problem = None
    if not isinstance(problem, dict):
        return http.client.responses.get(status, f"status {status}"), False
    title, detail = problem.get("title"), problem.get("detail")
    parts = [_short(part) for part in (title, detail) if isinstance(part, str) and part]
    return ": ".join(parts) or http.client.responses.get(status, f"status {status}"), bool(parts)


def _short(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text[: 4 * _TOLD].decode("utf-8", "replace")
    plain = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(plain.split())[:_TOLD]


def _from_environment() -> float:
    text = os.environ.get("OPH_TIMEOUT", "")
    try:
        seconds = float(text)
    except ValueError:
        return _PATIENCE
    return seconds if 0 < seconds < 1e7 else _PATIENCE
