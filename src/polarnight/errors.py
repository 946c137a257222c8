"""The exceptions of Polarnight, one small tree.

Every message names the file, the key and the remedy where there is one, so that an
observer can act on it without reading the source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = [
    "AlgorithmFailed",
    "BadFrame",
    "Cancelled",
    "ConfigError",
    "CubeError",
    "ExternalService",
    "NoWork",
    "PolarnightError",
]


class PolarnightError(Exception):
    """Root of all errors that Polarnight raises on purpose."""


class NoWork(PolarnightError):
    """There was nothing to do; not a failure."""


class Cancelled(PolarnightError):
    """The work was stopped because somebody asked for it; nothing half-made is left."""


class BadFrame(PolarnightError):
    """A frame cannot be used; the night goes on without it.

    Parameters
    ----------
    path : str or Path
        The file concerned.
    reason : str
        What is wrong, naming the header key where one is to blame.
    remedy : str, optional
        What the observer can do about it.
    """

    def __init__(self, path: str | Path, reason: str, remedy: str = "") -> None:
        self.path = str(path)
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{self.path}: {reason}" + (f" ({remedy})" if remedy else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers send exceptions home by pickle, which would pass the message alone.
        return (type(self), (self.path, self.reason, self.remedy))


class AlgorithmFailed(PolarnightError):
    """An algorithm ran and declined its own result; the numbers say why.

    Parameters
    ----------
    message : str
        What failed.
    **numbers : object
        JSON-able figures of the failure (counts, residuals, limits).
    """

    def __init__(self, message: str, **numbers: Any) -> None:
        self.message = message
        self.numbers = numbers
        details = ", ".join(f"{key}={value}" for key, value in numbers.items())
        super().__init__(f"{message} [{details}]" if details else message)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_remake_algorithm_failed, (self.message, self.numbers))


def _remake_algorithm_failed(message: str, numbers: dict[str, Any]) -> AlgorithmFailed:
    return AlgorithmFailed(message, **numbers)


class ConfigError(PolarnightError):
    """A setting, an argument or a plug-in is wrong; names the key and the place."""


class CubeError(PolarnightError):
    """A datacube cannot be made or used as asked: names the cube or dimension and the remedy."""


class ExternalService(PolarnightError):
    """A service outside this machine did not answer as it should."""
