"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from polarnight.cli.common import describe_night

__all__ = ["FirstNight", "LastNight"]

FirstNight: TypeAlias = Annotated[
    str | None, typer.Option("--from", help="First night.", parser=describe_night)
]
LastNight: TypeAlias = Annotated[
    str | None, typer.Option("--to", help="Last night.", parser=describe_night)
]
