"""What every operator is: a declaration, and what it does.

The declaration serves validation, defaults, completion, the manual and the list of operators.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from polarnight.ophidia.errors import BadValue, UnknownArgument, nearest
from polarnight.ophidia.language.arguments import Argument, yes_no

if TYPE_CHECKING:
    from polarnight.ophidia.answers.response import Item
    from polarnight.ophidia.context import Context
    from polarnight.ophidia.selection.massive import Hits

__all__ = ["OBSOLETE", "Answer", "Given", "Operator"]

Given = dict[str, Any]
"""Typed values of all declared arguments by name; defaults where nothing was given."""

OBSOLETE = ("ndbms", "ndb", "filesystem")
"""Arguments that Ophidia once had; old notebooks still give them."""

_SYSTEM: tuple[Argument, ...] = (
    Argument("sessionid", default="null", help="Session; filled in by the client."),
    Argument("exec_mode", "enum", "async", choices=("async", "sync"),
             help="sync answers when all is done, async at once with the number of the job."),
    Argument("ncores", "int", 1, minimum=1, help="Processes (or threads) that compute at once."),
    Argument("schedule", "int", 0, minimum=0, maximum=0, help="Kept for old commands."),
    Argument("objkey_filter", default=("all",), multiple=True,
             help="Which objects to answer with: all, none, or their keys."),
    yes_no("save", True, "Whether the answer is kept with the job."),
    Argument("cwd", default="/", help="Folder that names refer to; filled in by the client."),
    Argument("cdd", "path", default="/", help="Data directory; filled in by the client."),
    Argument("host_partition", default="auto", help="Kept for old commands."),
    Argument("project", default="", help="Kept for old commands."),
    yes_no("strict", False, "Refuse arguments that are not known.", extension=True),
)  # fmt: skip

_THREADS = Argument("nthreads", "int", 1, minimum=1, help="Threads inside each process.")


@dataclass(slots=True)
class Answer:
    """What an operator gives back.

    Attributes
    ----------
    objects : list
        `Text`, `Grid` and `Graph` objects.
    cube : str, optional
        PID of the cube that was made: the last one of the session from now on.
    cubes : list of str
        PIDs of all cubes that were made, in order, where there may be several.
    cwd, cdd, session : str, optional
        Where the client is from now on.
    forget_cube : bool
        Whether there is no last cube any more: after a massive operation, or its deletion.
    warnings : list of str
        What the user should know although all went well.
    """

    objects: list[Item] = field(default_factory=list)
    cube: str | None = None
    cubes: list[str] = field(default_factory=list)
    cwd: str | None = None
    cdd: str | None = None
    session: str | None = None
    forget_cube: bool = False
    warnings: list[str] = field(default_factory=list)


class Operator(abc.ABC):
    """Base of all operators; see `registry.operator` for how one becomes known.

    Attributes
    ----------
    name : str
        Such as ``oph_reduce2``.
    title : str
        What it does, in a few words.
    text : str
        More, for the manual.
    arguments : tuple of Argument
        Without the system arguments, which all operators share.
    kind : str
        ``E`` essential, ``U`` useful, ``S`` system, ``C`` climate-only.
    threads : bool
        Whether it has ``nthreads``.
    serial : bool
        Whether ``ncores`` is always 1.
    massive : str, optional
        The argument that may be a filter ``[...]``, which runs the operator on every hit. A
        filter in an argument of type ``cubes`` always becomes the list of its hits.
    brief : bool
        Whether a run takes milliseconds and mostly writes to the database, so that several
        share a transaction in a massive operation.
    reading : mapping, optional
        None where it makes, changes or removes anything but where the client is. Otherwise
        the values of arguments with which it does not; others than these are free.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    text: ClassVar[str] = ""
    arguments: ClassVar[tuple[Argument, ...]] = ()
    objects: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[Literal["E", "U", "S", "C"]] = "E"
    threads: ClassVar[bool] = False
    serial: ClassVar[bool] = False
    extension: ClassVar[bool] = False
    massive: ClassVar[str | None] = None
    brief: ClassVar[bool] = False
    reading: ClassVar[Mapping[str, tuple[str, ...]] | None] = None

    @abc.abstractmethod
    def run(self, given: Given, context: Context) -> Answer:
        """Do it.

        Parameters
        ----------
        given : dict
            Typed values of all declared arguments.
        context : Context

        Returns
        -------
        Answer

        Raises
        ------
        PolarnightError
            Where it cannot be done; nothing is changed then.
        """

    @classmethod  # noqa: B027  (most operators have nothing to object)
    def approve(cls, hits: Hits, given: Given, context: Context) -> None:
        """Refuse to run on what a filter found; most operators never do.

        Raises
        ------
        OphidiaError
        """

    @classmethod
    def only_reads(cls, texts: Mapping[str, str]) -> bool:
        """Return whether a command makes, changes and removes nothing.

        Parameters
        ----------
        texts : mapping
            Its arguments as they are written.
        """
        if cls.reading is None:
            return False
        given = {name: texts.get(name, "").strip().lower() for name in cls.reading}
        return all(not text or text in cls.reading[name] for name, text in given.items())

    @classmethod
    def declared(cls) -> dict[str, Argument]:
        """Return all arguments by name, the system's last."""
        known = {argument.name: argument for argument in cls.arguments}
        system = [*_SYSTEM, *([_THREADS] if cls.threads else [])]
        for argument in system:
            if cls.serial and argument.name == "ncores":
                argument = Argument("ncores", "int", 1, forced=1, help="Always 1.")
            known.setdefault(argument.name, argument)
        return known

    @classmethod
    def typed(cls, texts: Mapping[str, str], *, strict: bool = False) -> tuple[Given, list[str]]:
        """Return the values that the texts of a command stand for, and warnings.

        Raises
        ------
        BadValue
            For a value that cannot be used, or a mandatory argument that is missing.
        UnknownArgument
            In strict mode, for an argument that the operator does not have.
        """
        known = cls.declared()
        warnings = [cls._unknown(key, known, strict) for key in texts if key not in known]
        given: Given = {}
        for name, argument in known.items():
            text = texts.get(name, "")
            if text.strip():
                given[name] = argument.parse(text, cls.name)
            elif argument.mandatory:
                msg = f"{cls.name}: argument {name!r} is missing"
                if argument.stands_for_last:
                    raise BadValue(msg, "add cube=...; this session has no last cube to take")
                example = f"{name}={argument.example if argument.choices else '...'}"
                raise BadValue(msg, f"add {example}; {argument.help}")
            else:
                given[name] = argument.default if argument.forced is None else argument.forced
        return given, [warning for warning in warnings if warning]

    @classmethod
    def _unknown(cls, key: str, known: Mapping[str, Argument], strict: bool) -> str:
        """Return a warning for an argument that the operator does not have, or refuse it."""
        if key in {"cube", "nthreads", "nhost", "workflowid", "markerid", "username"}:
            return ""  # clients add these to every command
        old = key in OBSOLETE
        msg = f"{cls.name} has no argument {key!r}"
        like = nearest(key, known)
        if strict:
            raise UnknownArgument(msg, f"did you mean {like}?" if like else "leave it out")
        if old:
            return f"{msg} any more; it changes nothing"
        return f"{msg}; it was ignored" + (f", did you mean {like}?" if like else "")
