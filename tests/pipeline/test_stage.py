"""Recipes check what their stages need before anything runs, and record what ran."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from polarnight.errors import ConfigError
from polarnight.pipeline.stage import Product, Recipe, Stage, check_overrides


@dataclass(frozen=True)
class Double(Stage):
    name: ClassVar[str] = "double"
    reads: ClassVar[tuple[str, ...]] = ("x",)
    writes: ClassVar[tuple[str, ...]] = ("y",)
    factor: float = 2.0

    def run(self, product: Product) -> Product:
        return product.with_values(y=product["x"] * self.factor)


def test_a_recipe_runs_and_records():
    product = Recipe("r", ("x",), (Double(),)).run(x=3.0)
    assert product["y"] == 6.0
    assert [(r.name, r.parameters) for r in product.records] == [("double", {"factor": 2.0})]


def test_a_recipe_that_cannot_run_is_refused_at_once():
    with pytest.raises(ConfigError, match=r"double reads \['x'\]"):
        Recipe("r", ("z",), (Double(),))


@pytest.mark.parametrize(
    ("changes", "words"), [({"facto": 1.0}, "no parameter 'facto'"), ({"factor": "2"}, "float")]
)
def test_wrong_parameters_are_named(changes, words):
    with pytest.raises(ConfigError, match=words):
        Double().with_parameters(changes)


def test_overrides_reach_their_stage_and_unknown_stages_are_named():
    recipe = Recipe("r", ("x",), (Double(),)).with_parameters({"double": {"factor": 5}})
    assert recipe.run(x=1.0)["y"] == 5
    assert recipe.parameters() == {"double": {"factor": 5}}
    with pytest.raises(ConfigError, match="no stage triple"):
        check_overrides([recipe], {"triple": {}})
