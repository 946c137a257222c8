"""oph_man: how operators and primitives are used."""

from __future__ import annotations

from polarnight.ophidia.answers.manual import operator_grids
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import UnknownOperator
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import get_operator, operator

__all__ = ["Man"]


@operator
class Man(Operator):
    """The manual of one operator or primitive."""

    name = "oph_man"
    reading = {}
    title = "Show how an operator or a primitive is used."
    arguments = (
        Argument("function", mandatory=True, help="Name of an operator or a primitive."),
        Argument("function_version", default="latest", help="Kept for old commands."),
        Argument(
            "function_type",
            "enum",
            "operator",
            choices=("operator", "primitive"),
            help="What it is the name of.",
        ),
    )
    objects = ("man", "man_arguments")
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Return the manual page."""
        from polarnight.ophidia.primitives.pages import is_primitive, primitive_grids

        name = given["function"]
        if given["function_type"] == "primitive":
            return Answer(primitive_grids(name))
        try:
            return Answer(operator_grids(get_operator(name)))
        except UnknownOperator:
            # Who asks for the page of a primitive may have it without saying what it is.
            if not is_primitive(name):
                raise
            return Answer(primitive_grids(name))
