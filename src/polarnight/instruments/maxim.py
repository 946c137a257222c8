"""Frames of MaxIm DL, as the cameras of Sierra Nevada have them."""

from __future__ import annotations

from typing import Any

from polarnight.frames import FrameInfo
from polarnight.instruments.declared import DeclaredInstrument
from polarnight.instruments.keywords import HeaderReader

__all__ = ["MaximCamera"]


class MaximCamera(DeclaredInstrument):
    """A camera that MaxIm DL reads out.

    FLIPSTAT says whether the telescope was on the other side of its pier: north is then on the
    other side of the frame, which ``extra["flipped"]`` keeps.
    """

    def extra_values(self, reader: HeaderReader, info: FrameInfo) -> dict[str, Any]:
        """Return ``{"flipped": True}`` where the telescope was flipped about its pier."""
        return {"flipped": True} if reader.text(["FLIPSTAT"]).lower() == "flip" else {}
