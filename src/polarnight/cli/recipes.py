"""Commands that list and explain the recipes of a night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from polarnight.cli.common import console, set_up

if TYPE_CHECKING:
    from polarnight.pipeline.recipes.book import RecipeBook, SettledRecipe
    from polarnight.pipeline.recipes.stage import Stage

__all__ = ["register"]

recipe = typer.Typer(
    no_args_is_help=True, help="How a night is reduced: stages, parameters, citations."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(recipe, name="recipe")


@recipe.command("list")
def list_recipes(context: typer.Context) -> None:
    """List the recipes of a night in their order, with their stages."""
    from polarnight.cli.screen import table_of
    from polarnight.pipeline.recipes.book import DESCRIPTIONS

    book = _book(context)
    table = table_of("recipe", "carries", "stages", wrapped=("carries", "stages"))
    for name, description in DESCRIPTIONS.items():
        stages = ", ".join(stage.name for stage in book.get(name).recipe.stages)
        table.add_row(name, description, stages)
    console().print(table)


@recipe.command("show")
def show(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="One of them; all where not given.")
    ] = None,
    instrument: Annotated[
        str | None, typer.Option(help="As it is for an instrument, such as AndorT90.")
    ] = None,
    night: Annotated[
        str | None, typer.Option(metavar="EPOCH", help="As it is in a night: T090/240408.")
    ] = None,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="As YAML, to be edited and fed back.")
    ] = False,
    citations: Annotated[
        bool, typer.Option("--citations", help="What to cite, and for which stages.")
    ] = False,
) -> None:
    """Print recipes like the methods section of a paper.

    Each parameter is shown with its unit, what it means, and where its value comes from. What is
    printed is what runs.
    """
    from polarnight.db.names import format_epochname, parse_epochname
    from polarnight.instruments import get_instrument
    from polarnight.pipeline.recipes.book import DESCRIPTIONS
    from polarnight.pipeline.recipes.text import citations_text, yaml_text

    book = _book(context)
    telescope, day = parse_epochname(night) if night else ("", "")
    camera = get_instrument(instrument).name if instrument else ""
    names = [name] if name else list(DESCRIPTIONS)
    recipes = [book.get(each, camera, telescope, day) for each in names]
    epoch = format_epochname(telescope, day) if not isinstance(day, str) else ""
    if yaml:
        typer.echo(yaml_text(recipes, instrument=camera, epoch=epoch), nl=False)
    elif citations:
        typer.echo(citations_text(recipes), nl=False)
    else:
        scope = ", ".join(filter(None, (camera, epoch)))
        screen = console()
        for each in recipes:
            for part in _methods(each, scope):
                screen.print(part)


def _book(context: typer.Context) -> RecipeBook:
    settings = set_up(context.obj, database=False)
    from polarnight.pipeline.recipes.book import RecipeBook

    return RecipeBook(settings)


def _methods(settled: SettledRecipe, scope: str) -> list[Any]:
    """Return a recipe as the parts of a page: its stages one after the other."""
    from rich.padding import Padding
    from rich.text import Text

    from polarnight.pipeline.recipes.book import DESCRIPTIONS

    made = settled.recipe
    head = Text.assemble((made.name, "bold underline"), f": {DESCRIPTIONS[made.name]}")
    parts: list[Any] = [head.append(f" ({scope})", "dim") if scope else head]
    for number, stage in enumerate(made.stages, 1):
        title = Text.assemble((f"{number}. {stage.name}", "bold"), (f"  v{stage.version}", "dim"))
        if stage.name in settled.origins:
            title.append(f"  from another package, {settled.origins[stage.name]}", "yellow")
        flow = f"reads {', '.join(stage.reads)}; makes {', '.join(stage.writes)}"
        parts.append(Padding(title, (1, 0, 0, 0), expand=False))
        parts.append(Padding(Text(stage.summary()), (0, 0, 0, 3), expand=False))
        if stage.describe():
            parts.append(Padding(_parameters(stage, settled), (0, 0, 0, 3), expand=False))
        parts.append(Padding(Text(flow, "dim"), (0, 0, 0, 3), expand=False))
        parts += [
            Padding(Text(cited, "italic"), (0, 0, 0, 3), expand=False) for cited in stage.citations
        ]
    return [*parts, ""]


def _parameters(stage: Stage, settled: SettledRecipe) -> Any:
    from rich.table import Table
    from rich.text import Text

    from polarnight.pipeline.recipes.text import quantity

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for entry in stage.describe():
        origin = settled.origin(stage.name, entry.name)
        changed = origin != "default"
        table.add_row(
            Text(entry.name, "cyan", no_wrap=True),
            Text(quantity(entry), "bold" if changed else ""),
            entry.description,
            Text(origin, "yellow" if changed else "dim"),
        )
    return table
