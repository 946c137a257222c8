"""How rows show themselves in IPython and Jupyter."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Summary", "number"]


def number(value: float | None, error: float | None = None, digits: int = 4) -> str:
    """Return a number with its error as text; empty where there is none."""
    if value is None:
        return ""
    if error is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


@dataclass(frozen=True)
class Summary:
    """A title and named values; empty values are not shown."""

    title: str
    values: dict[str, Any]

    def _shown(self) -> list[tuple[str, str]]:
        return [(key, str(value)) for key, value in self.values.items() if value not in ("", None)]

    def text(self) -> str:
        """Return several lines of text."""
        shown = self._shown()
        width = max((len(key) for key, _ in shown), default=0)
        return "\n".join([self.title, *(f"  {key:<{width}}  {value}" for key, value in shown)])

    def html(self) -> str:
        """Return a table; everything is escaped, for names come out of FITS headers."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(key)}</th><td>{escape(value)}</td></tr>"
            for key, value in self._shown()
        )
        return f"<table><caption>{escape(self.title)}</caption>{rows}</table>"
