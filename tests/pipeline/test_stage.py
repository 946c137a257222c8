"""Recipes check what their stages need before anything runs, and record what ran."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from polarnight.errors import AlgorithmFailed, BadFrame, ConfigError
from polarnight.instruments import PairVector
from polarnight.pipeline.recipes.stage import Product, Recipe, Stage, check_overrides


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


@dataclass(frozen=True)
class Foreign(Stage):
    """Do what a package of others may do."""

    name: ClassVar[str] = "foreign"
    reads: ClassVar[tuple[str, ...]] = ("x",)
    writes: ClassVar[tuple[str, ...]] = ("y",)
    answer: object = None

    def run(self, product):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ZeroDivisionError("division by zero"), "failed: ZeroDivisionError: division by zero"),
        (None, "returned NoneType, no Product"),
        (Product({"x": PairVector(1, 2, 3, 4)}), "returned no y"),
        (Product({"y": 1}), "returned no x"),
        (Product({"x": "junk", "y": 1}), "made x a str, which was a PairVector"),
    ],
)
def test_a_stage_of_another_package_is_named_where_it_is_at_fault(answer, told):
    recipe = Recipe("light", ("x",), (Foreign(answer=answer),))
    with pytest.raises(AlgorithmFailed) as caught:
        recipe.run(x=PairVector(1, 2, 3, 4))
    package = __name__.partition(".")[0]
    assert f"stage foreign of the package {package} {told}" in str(caught.value)


def test_what_a_stage_of_another_package_says_of_the_data_stays_as_it_is():
    error = BadFrame("a.fits", "too dark", "open the dome")
    with pytest.raises(BadFrame, match="too dark"):
        Recipe("light", ("x",), (Foreign(answer=error),)).run(x=1)
    good = Product({"x": 2.0, "y": 3.0})
    assert Recipe("light", ("x",), (Foreign(answer=good),)).run(x=1)["x"] == 2.0
