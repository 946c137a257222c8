"""oph_massive: what a filter finds."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Grid
from polarnight.ophidia.context import Context
from polarnight.ophidia.language.arguments import cubes
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator
from polarnight.ophidia.selection.filters import KEYS

__all__ = ["Massive"]


@operator
class Massive(Operator):
    """The cubes that a filter finds."""

    name = "oph_massive"
    title = "Show what a filter in brackets finds."
    text = (
        "cube=[...] runs an operator on every hit, cubes=[...] hands all hits over at once. A bare "
        "entry selects cubes by the last number of their PID: [3], [2:5], [1:2:9] (start, step, "
        "stop), [2,4,7], [5:end], [*]. key!=value and [!3:5] exclude. All entries, separated by "
        "';', must hold:\n" + "\n".join(f"  {key}: {text}" for key, text in KEYS.items())
    )
    arguments = (cubes(help="The filter, such as [metadata_key=FLT_ID;metadata_value=OPEN]."),)
    objects = ("massive",)
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """List the hits."""
        rows = [
            (context.catalogue.pid(row), row.measure, row.level, row.source)
            for row in context.rows(given["cubes"])
        ]
        columns = ("DATACUBE PID", "MEASURE", "LEVEL", "SOURCE")
        return Answer([Grid("massive", "Massive Operation Hits", columns, rows)])
