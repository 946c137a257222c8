"""Recipes: ordered stages that carry a night from raw frames to results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polarnight.pipeline.ingest import ingest
    from polarnight.pipeline.night import reduce_epochs, run_nights

__all__ = ["ingest", "reduce_epochs", "run_nights"]


def __getattr__(name: str) -> Any:
    # Lazily: the pipeline brings every room with it, and start-up counts.
    if name in ("reduce_epochs", "run_nights"):
        from polarnight.pipeline import night

        return getattr(night, name)
    if name == "ingest":
        from polarnight.pipeline.ingest import ingest

        return ingest
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
