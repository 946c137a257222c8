"""Massive operations: one command on every cube or file that a filter finds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from polarnight.errors import PolarnightError
from polarnight.ophidia import jobs as states
from polarnight.ophidia.answers.response import Grid, Response, Text
from polarnight.ophidia.errors import BadValue, OphidiaError, refused_by_machine
from polarnight.ophidia.files.showing import from_data_directory
from polarnight.ophidia.language.grammar import Command, split_list
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.selection.cubes import select_cubes
from polarnight.ophidia.selection.files import find_files
from polarnight.ophidia.selection.filters import Filter, is_filter, parse_filter

if TYPE_CHECKING:
    from polarnight.db.models import CubeJob
    from polarnight.ophidia.context import Context

__all__ = ["Hits", "expand", "run_on_hits", "shown_hits"]

_LOG = logging.getLogger(__name__)
_TOGETHER = 25  # nobody else writes to SQLite while one transaction is open

_TASKS = (
    *("OPH JOB ID", "SESSION CODE", "WORKFLOW ID", "MARKER ID", "PARENT MARKER ID"),
    *("EXIT STATUS", "INPUT", "OUTPUT", "BEGIN TIME", "END TIME"),
)


class Hits(list[str]):
    """The values that take the place of a filter, in order.

    Attributes
    ----------
    argument : str
        Whose filter it was.
    filters : tuple of Filter
    run : bool
        Whether the command is to be carried out, or only the hits shown.
    """

    def __init__(
        self, argument: str, values: Sequence[str], filters: Sequence[Filter] = (), run: bool = True
    ) -> None:
        super().__init__(values)
        self.argument = argument
        self.filters = tuple(filters)
        self.run = run


def expand(
    cls: type[Operator], arguments: dict[str, str], context: Context
) -> tuple[dict[str, str], Hits | None]:
    """Put what filters find in the place of filters.

    Parameters
    ----------
    cls : type of Operator
    arguments : dict of str
        As typed.
    context : Context

    Returns
    -------
    arguments : dict of str
        With the hits in every argument that takes several cubes.
    hits : Hits or None
        Of the argument that the operator runs for one by one; None where that is no filter.

    Raises
    ------
    BadValue
        For a filter that cannot be read, or that finds nothing.
    """
    known = cls.declared()
    filled = dict(arguments)
    hits = None
    for name, text in arguments.items():
        argument = known.get(name)
        if argument is None or argument.type not in {"cube", "cubes", "path"}:
            continue
        entries = split_list(text)
        filters = [
            parse_filter(entry, cls.name, files=argument.type == "path")
            for entry in entries
            if is_filter(entry)
        ]
        several = name == cls.massive and len(entries) > 1
        if not filters and not several:
            continue
        if argument.type == "path" and not cls.massive:
            continue
        found = _values(entries, cls, argument.type == "path", context)
        run = all(one.run for one in filters)
        if name == cls.massive:
            hits = Hits(name, found, filters, run)
        elif argument.type == "cubes":
            filled[name] = "|".join(found)
            if not run:
                hits = Hits(name, found, filters, run)
        elif len(found) == 1:
            filled[name] = found[0]
        else:
            msg = f"{cls.name}: {name}={text[:60]} matches {len(found)} cubes, one is needed"
            raise BadValue(msg, "narrow the filter, or name the cube")
    return filled, hits


def shown_hits(hits: Hits) -> Answer:
    """Return the answer of a filter with ``run=no``: what it matches, and nothing is done."""
    status = Text("massive", "Massive Operation Status", f"{len(hits)} hits, nothing done")
    rows = [(value,) for value in hits]
    return Answer([status, Grid("massive_hits", "Massive Operation Hits", ("INPUT",), rows)])


def run_on_hits(
    cls: type[Operator],
    arguments: dict[str, str],
    hits: Hits,
    context: Context,
    response: Response,
) -> Answer:
    """Run an operator on every hit, each a job; one that fails does not stop the others.

    Parameters
    ----------
    cls : type of Operator
    arguments : dict of str
    hits : Hits
    context : Context
    response : Response
        Gets the error where some fail.

    Raises
    ------
    BadValue
        For arguments that cannot be used, before anything is done.
    Cancelled
        Where the job was stopped; what is made by then stays.
    """
    typed = [
        cls.typed({**arguments, hits.argument: value}, strict=context.strict) for value in hits
    ]
    cls.approve(hits, typed[0][0], context)
    answer = Answer(warnings=list(typed[0][1]), forget_cube=True)
    rows, errors = [], []
    todo = [(value, given) for value, (given, _) in zip(hits, typed, strict=True)]
    step = _TOGETHER if cls.brief else 1
    for start in range(0, len(todo), step):
        context.check()
        # What fails inside goes back to a savepoint of its own: the others stay.
        with _together(cls):
            for number, (value, given) in enumerate(todo[start : start + step], start):
                context.progress(f"{cls.name} {number + 1} of {len(hits)}", number / len(hits))
                one, error, row = _run_one(cls, {**arguments, hits.argument: value}, given, context)
                if error is not None:
                    errors.append((value, error))
                made = one.cubes or ([one.cube] if one.cube else [])
                answer.cubes += made
                answer.warnings += [text for text in one.warnings if text not in answer.warnings]
                rows.append((*row[:6], value, "|".join(made), *row[6:]))
    done = len(hits) - len(errors)
    answer.objects = [
        Text("massive", "Massive Operation Status", f"{done} of {len(hits)} tasks completed"),
        Grid("massive_tasks", "Massive Operation Task List", _TASKS, rows),
    ]
    if errors:
        value, first = errors[0]
        response.code = getattr(first, "code", 9)
        response.error = (
            f"{cls.name}: {len(errors)} of {len(hits)} tasks failed, the first on {value}: {first}"
        )
    return answer


def _together(cls: type[Operator]) -> AbstractContextManager[None]:
    """Return a transaction for runs of an operator that are brief, inside one a savepoint."""
    from django.db import transaction

    return transaction.atomic() if cls.brief else nullcontext()


def _run_one(
    cls: type[Operator], arguments: dict[str, str], given: Given, context: Context
) -> tuple[Answer, PolarnightError | None, tuple[str, ...]]:
    server = context.server
    query = Command(cls.name, arguments).text
    job = server.jobs.start(
        context.session,
        cls.name,
        query,
        workflow=context.workflow,
        parent=context.marker,
        user=context.user,
    )
    own = replace(context, query=query, marker=job.marker, job=job)
    answer, error = Answer(), None
    try:
        with _together(cls):
            answer = cls().run(given, own)
    except PolarnightError as failure:
        error = failure
    except Exception as failure:  # noqa: BLE001 - the others of the list are none the worse
        _LOG.error("%s", query[:2000], exc_info=failure)
        told = f"{type(failure).__name__}: {failure} (unforeseen; the log says where)"
        error = refused_by_machine(failure) or OphidiaError(told)
    told = from_data_directory(str(error or ""), server.site)
    server.jobs.finish(job, states.ERROR if error else states.COMPLETED, told)
    return answer, error, _cells(server.job_name(job), job, context)


def _cells(name: str, job: CubeJob, context: Context) -> tuple[str, ...]:
    times = [f"{at:%Y-%m-%d %H:%M:%S}" if at else "" for at in (job.started, job.finished)]
    numbers = map(str, (job.workflow, job.marker, context.marker))
    return (name, job.session.code, *numbers, job.status, *times)


def _values(
    entries: Sequence[str], cls: type[Operator], files: bool, context: Context
) -> list[str]:
    """Return PIDs or paths for a list of filters and plain values, each once, in order."""
    found: dict[str, None] = {}
    for entry in dict.fromkeys(entries):
        if not is_filter(entry):
            found[entry] = None
            continue
        wanted = parse_filter(entry, cls.name, files=files)
        hits = (
            find_files(wanted, context)
            if files
            else [context.catalogue.pid(row) for row in select_cubes(wanted, context)]
        )
        if not hits:
            msg = f"{cls.name}: {entry[:200]} matches no {'file' if files else 'cube'}"
            raise BadValue(msg, _instead(wanted, files, context))
        found |= dict.fromkeys(hits)
    return list(found)


def _instead(wanted: Filter, files: bool, context: Context) -> str:
    """Return what to try where nothing was found."""
    where = wanted.path
    if where is None:
        where = context.cdd if files else context.cwd
    told = f"searched in {where}; use path= and recursive=yes for others"
    values = [v for c in wanted.conditions if c.key == "metadata_value" for v in c.values]
    starred = next((v for v in values if "*" in v and v != "*" and v[:1] not in "=!<>"), "")
    if starred:
        percent = starred.replace("*", "%")
        told += f"; in a part of a value % stands for any letters: {percent[:60]}"
    return told
