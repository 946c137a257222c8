"""A stage of the recipes that turn a group of frames into results."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from polarnight.pipeline.groups.outcome import GroupParameters
from polarnight.pipeline.recipes.stage import Product, Stage

__all__ = ["GroupStage"]


@dataclass(frozen=True)
class GroupStage(Stage):
    """A stage whose parameters are some of those of the group."""

    def settled(self, product: Product) -> GroupParameters:
        """Return the parameters of the group, with those of this stage as it says."""
        given: GroupParameters = product["parameters"]
        own = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        return dataclasses.replace(given, **own)

    def with_values_of(self, parameters: GroupParameters) -> Stage:
        """Return a copy with the parameters of a group."""
        names = [entry.name for entry in dataclasses.fields(self)]
        return dataclasses.replace(self, **{name: getattr(parameters, name) for name in names})
