"""Settings of how files come in and nights are run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from polarnight.config.kinds import Part, Positive

__all__ = ["ArchiveSettings", "IngestSettings", "RunSettings", "StagesSettings"]


class IngestSettings(Part):
    """How raw files come into the archive."""

    link: bool = Field(False, description="link to the files instead of copying them")
    wait: bool = Field(False, description="wait where somebody else works on one of the nights")


class RunSettings(Part):
    """What a run does where the command does not say."""

    all_local: bool = Field(False, description="every night of the raw archive")
    force: bool = Field(False, description="make everything anew")
    retry_failed: bool = Field(False, description="try again what failed before")
    reclassify: bool = Field(False, description="read all headers anew")
    only: Literal["masters", "reduce", "photometry", "polarimetry"] | None = Field(
        None, description="one part of the night"
    )
    dry_run: bool = Field(False, description="say what would be done, and why; do nothing")
    wait: bool = Field(False, description="wait where somebody else works on one of the nights")


class StagesSettings(Part):
    """What stages of other packages may take; changes no result."""

    seconds: Positive = Field(
        300.0, description="time for one frame, cycle or master, after which it is stopped"
    )
    memory_fraction: float = Field(
        0.25, gt=0, le=1, description="of the memory of the machine, for each of them"
    )


class ArchiveSettings(Part):
    """Where the archive of a telescope is, and who asks."""

    address: str | None = Field(None, description="of its server")
    user: str | None = Field(None, description="name there")
    password: SecretStr | None = Field(None, description="never shown")
