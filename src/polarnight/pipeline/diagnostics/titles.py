"""What stands above a diagnostic picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["entitle"]


def entitle(figure: Figure, title: str, differs: str = "") -> None:
    """Write the title above a figure, and below it how what is drawn differs from what is kept."""
    words = [title] if title else []
    if differs:
        words.append(f"differs from what is kept: {differs}")
    # Names of sources are no mathematics.
    figure.suptitle("\n".join(words).replace("$", r"\$"), fontsize=10)
