"""The expressions of oph_apply: primitives of Ophidia, operators, and filters of images.

One declaration of a primitive serves reading, checking, the manual and completion.
"""

from polarnight.ophidia.primitives import (
    arithmetic,
    conversions,
    functions,
    gluing,
    images,
    logic,
    reductions,
    rowwise,
    selections,
    statistics,
    wavelets,
)
from polarnight.ophidia.primitives.declaration import Parameter, Primitive, known, spellings
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.lazy import Applied, apply_query, evaluate
from polarnight.ophidia.primitives.parser import parse

# Importing these modules declares their primitives.
DECLARED_IN = (
    arithmetic,
    conversions,
    functions,
    gluing,
    images,
    logic,
    reductions,
    rowwise,
    selections,
    statistics,
    wavelets,
)

__all__ = [
    "DECLARED_IN",
    "Applied",
    "Parameter",
    "Primitive",
    "QueryError",
    "apply_query",
    "evaluate",
    "known",
    "parse",
    "spellings",
]
