"""Between the catalogue and the engine: cubes made from rows, and rows made for cubes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.errors import BadFrame, CubeError
from polarnight.ophidia.engine.axes import Axes, explicit_names, implicit_names
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.language.types import dtype_name

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.cubes.metadata import Metadata
    from polarnight.cubes.recipes import Recipe
    from polarnight.cubes.running.runner import Runner
    from polarnight.cubes.store.store import CubeStore
    from polarnight.db.cubes import CubeCatalogue, CubeDescription
    from polarnight.db.cubes.cubes import Origin
    from polarnight.db.models import CubeContainer, DataCube

__all__ = [
    "Axes",
    "Workbench",
    "describe",
    "explicit_names",
    "implicit_names",
    "relabelled",
]

_FILE = "open_fits"
_MOST_COPIES = 100


class Workbench:
    """Makes lazy cubes of what the catalogue knows.

    Parameters
    ----------
    catalogue : CubeCatalogue
    store : CubeStore
    root : Path
        The data directory, where files are looked for that are not where they were.
    """

    def __init__(self, catalogue: CubeCatalogue, store: CubeStore, root: Path) -> None:
        self._catalogue = catalogue
        self._store = store
        self._root = root

    def cube(self, row: DataCube, *, with_cards: bool = False) -> Cube:
        """Return the cube of a row, lazily.

        Parameters
        ----------
        row : DataCube
        with_cards : bool
            Whether its header is the cards of the catalogue, where what was changed by hand is,
            and not that of the file.

        Raises
        ------
        OperatorFailed
            Where how it was made is not known any more.
        PolarnightError
            Where a file that it comes from is gone or has changed.
        """
        if row.recipe is None:
            msg = f"cube {self._catalogue.pid(row)} has no pixels"
            raise OperatorFailed(msg, "import it again")
        found = self.of_key(row.recipe.key, {row.recipe.key: row.recipe.recipe})
        cards = self.metadata(row) if with_cards else None
        return relabelled(found, metadata=cards, measure=row.measure, unit=row.unit)

    def of_key(self, key: str, known: Mapping[str, Any] | None = None) -> Cube:
        """Return the cube of a recipe key, from the store or from what it was made of.

        Raises
        ------
        OperatorFailed
            Where the recipe, or that of something it was made of, is not known.
        """
        recipes = dict(known or {})
        made: dict[str, Cube] = {}
        waiting = [key]
        while waiting:
            current = waiting[-1]
            if current in made:
                waiting.pop()
                continue
            if self._store.has(current) and self._store.damage(current) is None:
                made[current] = self._store.open(current)
                continue
            recipe = self._recipe(current, recipes)
            missing = [one for one in recipe.inputs if one not in made]
            if missing:
                waiting += missing
                self._fetch([one for one in missing if one not in recipes], recipes)
                continue
            made[current] = self._rebuilt(recipe, [made[one] for one in recipe.inputs])
        return made[key]

    def add(
        self, container: CubeContainer, description: CubeDescription, cube: Cube, origin: Origin
    ) -> DataCube:
        """Take a cube into the catalogue, and how it is made with it; both or neither."""
        from django.db import transaction

        with transaction.atomic():
            self.keep_recipes(cube)
            return self._catalogue.add(container, description, origin)

    def keep_recipes(self, cube: Cube) -> None:
        """Write down how a cube and everything it was made of are made."""
        from polarnight.db.models import CubeRecipe

        found: dict[str, dict[str, Any]] = {}
        waiting = [cube]
        while waiting:
            one = waiting.pop()
            if one.key in found:
                continue
            found[one.key] = one.recipe.to_dict()
            waiting += one.inputs
        found.pop(cube.key)
        keys = list(found)
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            CubeRecipe.objects.bulk_create(
                [CubeRecipe(key=one, recipe=found[one]) for one in part], ignore_conflicts=True
            )

    def with_lineage(self, cube: Cube) -> Cube:
        """Return a cube that knows all it was made of, for the provenance of its file.

        What went in is known by recipe alone: it need not be there any more.
        """
        recipes: dict[str, Any] = {}
        made: dict[str, Cube] = {}
        waiting = list(cube.recipe.inputs)
        while waiting:
            key = waiting[-1]
            if key in made:
                waiting.pop()
                continue
            if key not in recipes:
                self._fetch([k for k in waiting if k not in recipes], recipes)
            if key not in recipes:
                return cube
            recipe = self._recipe(key, recipes)
            missing = [one for one in recipe.inputs if one not in made]
            if missing:
                waiting += missing
                continue
            made[key] = _ghost(recipe, [made[one] for one in recipe.inputs])
        return relabelled(cube, inputs=tuple(made[key] for key in cube.recipe.inputs))

    def metadata(self, row: DataCube) -> Metadata:
        """Return the cards of a cube as the catalogue has them."""
        from polarnight.cubes.metadata import Metadata

        return Metadata(card.card() for card in self._catalogue.cards.read(row.pk))

    def materialise(self, row: DataCube, runner: Runner | None = None) -> None:
        """Compute a lazy cube into the store."""
        if not self.is_stored(row):
            self._store.write(self.cube(row), runner)

    def is_stored(self, row: DataCube) -> bool:
        """Whether the pixels of a cube are in the store."""
        return row.recipe is not None and self._store.has(row.recipe.key)

    def is_view(self, row: DataCube) -> bool:
        """Whether a cube shows a file as it is."""
        return row.recipe is not None and row.recipe.recipe.get("name") == _FILE

    def file_of(self, row: DataCube) -> Path:
        """Return where the file lies that a view shows, if need be moved with its directory.

        Raises
        ------
        BadFrame
            Where it is gone or has changed.
        """
        from polarnight.cubes.fits.content import find_file, searching
        from polarnight.cubes.recipes import Recipe

        if row.recipe is None or "content" not in row.recipe.recipe["parameters"]:
            raise BadFrame(row.source, "was imported by another version", "import it again")
        known = self._located(Recipe.from_dict(row.recipe.recipe)).parameters
        with searching(self._root):
            return Path(find_file(known["path"], known["content"]))

    def why_stale(self, row: DataCube) -> list[str]:
        """Return why a cube would be another one if it were made now; nothing where it would not.

        See `polarnight.cubes.store.stale.why_stale`.
        """
        from polarnight.cubes.fits.content import searching
        from polarnight.cubes.recipes import Recipe
        from polarnight.cubes.store.stale import why_stale

        if row.recipe is None:
            return []
        recipes: dict[str, Any] = {}

        def known(key: str) -> Recipe | None:
            self._fetch([key], recipes)
            return self._located(Recipe.from_dict(recipes[key])) if key in recipes else None

        with searching(self._root):
            return why_stale(self._located(Recipe.from_dict(row.recipe.recipe)), known)

    def _located(self, recipe: Recipe) -> Recipe:
        """Return the recipe of a view with a file that is there; others as they are.

        Files of the same content have one recipe, with the place of one of them.
        """
        from polarnight.db.models import DataCube

        if recipe.name != _FILE or Path(recipe.parameters["path"]).is_file():
            return recipe
        sources = DataCube.objects.filter(recipe__key=recipe.key).values_list("source", flat=True)
        for source in sources.distinct()[:_MOST_COPIES]:
            place = self._root / source
            if source and place.is_file():
                return replace(recipe, parameters={**recipe.parameters, "path": str(place)})
        return recipe

    def _fetch(self, keys: Sequence[str], recipes: dict[str, Any]) -> None:
        from polarnight.db.models import CubeRecipe

        for start in range(0, len(keys), 500):
            rows = CubeRecipe.objects.filter(key__in=keys[start : start + 500])
            recipes |= {row.key: row.recipe for row in rows}

    def _recipe(self, key: str, recipes: dict[str, Any]) -> Recipe:
        from polarnight.cubes.recipes import Recipe

        if key not in recipes:
            self._fetch([key], recipes)
        if not recipes.get(key):
            msg = f"how the cube {key[:12]} is made is not known any more"
            raise OperatorFailed(msg, "import the files again")
        return Recipe.from_dict(recipes[key])

    def _rebuilt(self, recipe: Recipe, inputs: Sequence[Cube]) -> Cube:
        from polarnight.cubes.fits.content import searching
        from polarnight.cubes.recipes import rebuild

        if recipe.name.startswith("ophidia."):
            import_module("polarnight.ophidia.primitives")
            import_module("polarnight.ophidia.engine.relabel")
        with searching(self._root):
            made = rebuild(self._located(recipe), inputs)
        if made.key != recipe.key:
            msg = "a cube cannot be made again: its recipe gives another one now"
            raise CubeError(msg)
        return made


def relabelled(
    cube: Cube,
    *,
    metadata: Metadata | None = None,
    measure: str | None = None,
    unit: str | None = None,
    inputs: tuple[Cube, ...] | None = None,
) -> Cube:
    """Return a cube of the same pixels (and key) with other cards, name, unit or origin."""
    from polarnight.cubes.cube import Cube

    return Cube(
        dims=cube.dims,
        planes=cube.planes if cube.view is None else None,
        view=cube.view,
        measure=cube.measure if measure is None else measure,
        unit=cube.unit if unit is None else unit,
        metadata=cube.metadata if metadata is None else metadata,
        source=cube.source,
        level=cube.level,
        recipe=cube.recipe,
        inputs=cube.inputs if inputs is None else inputs,
        parents=cube.parents,
        axes=cube.axes,
        stored=cube.stored,
    )


def _ghost(recipe: Recipe, inputs: Sequence[Cube]) -> Cube:
    """Return a cube of which nothing is known but how it was made, and from which file first."""
    from polarnight.cubes.cube import Cube

    source = str(recipe.parameters.get("path", "")) or (inputs[0].source if inputs else "")
    return Cube(dims=(), source=source, recipe=recipe, inputs=tuple(inputs))


def describe(cube: Cube, axes: Axes, **more: Any) -> CubeDescription:
    """Return what the catalogue keeps of a cube.

    Parameters
    ----------
    cube : Cube
    axes : Axes
        Naming every dimension of the cube once.
    **more
        Further fields of `CubeDescription`: description, nfrag, source...
    """
    from polarnight.db.cubes import CubeDescription, DimensionDescription

    dims = [
        DimensionDescription(
            dim.name,
            dim.size,
            dim.type,
            dim.name in axes.explicit,
            values=None if dim.values is None else list(dim.values),
        )
        for dim in map(cube.dim, axes.names)
    ]
    given: dict[str, Any] = {
        "measure": cube.measure,
        "dtype": dtype_name(cube.dtype),
        "key": cube.key,
        "recipe": cube.recipe.to_dict(),
        "level": cube.level,
        "unit": cube.unit,
        "source": cube.source,
        "cards": tuple(cube.metadata),
        "parents": cube.parents,
    }
    return CubeDescription(dims=dims, **{**given, **more})
