"""What TAB offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.errors import PolarnightError
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.registry import operators
from polarnight.ophidia.selection.names import names_in, pids_in
from polarnight.ophidia.terminal.environment import KNOWN
from polarnight.ophidia.transport import Local

if TYPE_CHECKING:
    from polarnight.ophidia.terminal.shell import Shell

__all__ = ["Candidate", "complete"]

_MOST = 200
_NAMES_OF_VARIABLES = ("setenv", "unsetenv", "getenv")
_FOLDER_WORDS = ("ls", "ll", "lr", "cd", "rmdir", "mvdir", "mkdir")
_FILE_WORDS = ("lsd", "cdd", "rmd", "mvd", "mkdird", "ncdump")
_CONTAINER_WORDS = ("rm", "rmr", "mv")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may stand at the cursor.

    Attributes
    ----------
    text : str
        What is put in.
    start : int
        Where it begins, counted back from the cursor (0 or less).
    about : str
        A few words beside it.
    """

    text: str
    start: int
    about: str = ""


def complete(shell: Shell, line: str) -> list[Candidate]:
    """Return what may follow a line up to the cursor.

    Parameters
    ----------
    shell : Shell
    line : str
        Up to the cursor.
    """
    try:
        found = list(_candidates(shell, line.lstrip()))
    except (PolarnightError, OSError):
        return []
    return found[:_MOST]


def _candidates(shell: Shell, line: str) -> Iterable[Candidate]:
    if match := re.search(r"\$\{?([A-Za-z_]*)$", line):
        return _from(sorted([*shell.environment.values, "cube", "cwd", "cdd"]), match.group(1))
    word, space, rest = line.partition(" ")
    if not space:
        return _first(shell, word)
    if word == "watch":
        return _candidates(shell, re.sub(r"^\s*-n\s*[\d.]+\s", "", rest).lstrip())
    if word in shell.local:
        return _local(shell, word, rest)
    if word in shell.aliases:
        return _alias(shell, word, rest)
    if word[:1] in {".", "/"}:
        return _real_paths(rest.rpartition(" ")[2])
    return _operator(shell, word.lower(), rest)


def _from(
    names: Iterable[str], typed: str, about: Callable[[str], str] = lambda _name: ""
) -> list[Candidate]:
    return [
        Candidate(name, -len(typed), about(name))
        for name in names
        if name.lower().startswith(typed.lower())
    ]


def _first(shell: Shell, word: str) -> list[Candidate]:
    if word[:1] in {".", "/"}:
        return _real_paths(word)
    known = {name: cls for name, cls in operators().items() if cls.kind != "C"}
    about = {name: cls.title for name, cls in known.items()}
    about |= {name: f"= {text}" for name, text in shell.aliases.items()}
    about |= {name: command.text for name, command in shell.local.items()}
    names = sorted(about, key=lambda name: (name.startswith("oph_"), name))
    found = [name for name in names if name.lower().startswith(word.lower())]
    if not found and word:
        # ``reduce`` finds oph_reduce and oph_reduce2.
        found = [name for name in names if name.removeprefix("oph_").startswith(word.lower())]
    # The space says that the word is whole, and arguments follow.
    return [Candidate(f"{name} ", -len(word), about[name]) for name in found]


def _local(shell: Shell, word: str, rest: str) -> list[Candidate]:
    typed = rest.rpartition(" ")[2]
    if word in _NAMES_OF_VARIABLES:
        name, equals, value = typed.partition("=")
        if word == "setenv" and equals:
            return _from(KNOWN[name].choices if name in KNOWN else (), value)
        ending = "=" if word == "setenv" else ""
        return _from([f"{one}{ending}" for one in sorted(shell.environment.values)], typed)
    if word in {"unsetalias", "getalias", "setalias"}:
        return _from(sorted(shell.aliases), typed)
    if word == "help":
        return _from(sorted([*shell.local, *operators(), *shell.aliases, *KNOWN]), typed)
    if word == "check":
        return _real_paths(typed)
    return []


def _alias(shell: Shell, word: str, rest: str) -> list[Candidate]:
    typed = rest.rpartition(" ")[2]
    if word == "man":
        return _from(operators(), typed, lambda name: operators()[name].title)
    if word in _FOLDER_WORDS:
        return _virtual_paths(shell, typed)
    if word in _FILE_WORDS:
        return _data_paths(shell, typed)
    if word in _CONTAINER_WORDS:
        return _from(_containers(shell), typed)
    return []


def _operator(shell: Shell, word: str, rest: str) -> list[Candidate]:
    cls = operators().get(word)
    if cls is None:
        return []
    known = cls.declared()
    inside = rest.count("[") > rest.count("]")
    part = re.split(r"[;\[]" if inside else r";", rest)[-1].lstrip()
    key, equals, value = part.partition("=")
    if inside:
        return _filter(shell, key, equals, value, rest)
    if equals:
        argument = known.get(key.strip().lower())
        return [] if argument is None else _values(shell, argument, value)
    given = set(re.findall(r"(?:^|;)\s*([a-z_0-9]+)=", rest))
    own = [argument for argument in cls.arguments if argument.name not in given]
    own.sort(key=lambda argument: not argument.needed)
    names = [argument.name for argument in own]
    names += [name for name in known if name not in given and name not in names]
    found = _from([f"{name}=" for name in names], part, lambda one: _about(known[one[:-1]]))
    return found


def _about(argument: Argument) -> str:
    needed = "! " if argument.needed else ""
    default = f" ({argument.shown_default})" if argument.shown_default else ""
    return f"{needed}{argument.help}{default}"


def _values(shell: Shell, argument: Argument, value: str) -> list[Candidate]:
    typed = value.rpartition("|")[2] if argument.multiple or argument.type == "cubes" else value
    if argument.choices:
        return _from(argument.choices, typed)
    if argument.type in {"cube", "cubes"}:
        last = shell.environment.values["OPH_DATACUBE"]
        return _from([*([last] if last else []), *_pids(shell)], typed)
    if argument.name in {"container", "container_filter"}:
        return _from(_containers(shell), typed)
    if argument.type == "path" or argument.name in {"dpath", "src_path", "output_path"}:
        return _data_paths(shell, typed)
    if argument.name in {"path", "cwd"}:
        return _virtual_paths(shell, typed)
    if argument.name == "function":
        return _from(operators(), typed)
    if argument.name in {"query", "dim_query"}:
        return _primitives(value)
    return _from(argument.words, typed)


def _primitives(query: str) -> list[Candidate]:
    """Complete the last word of an expression of oph_apply."""
    from polarnight.ophidia.primitives import known

    match = re.search(r"[A-Za-z_][A-Za-z0-9_]*$", query)
    if query.count("'") % 2 or (match is None and query and query[-1] not in "(,+-*/%^<>=& "):
        return []
    about = {f"{name}(": one.summary for name, one in known().items()}
    about |= {"measure": "The values of the cube.", "dimension": "Coordinates of a row."}
    return _from(about, match[0] if match else "", about.__getitem__)


_FILTERS = (
    "level=", "measure=", "parent_cube=", "container=", "container_pid=", "metadata_key=",
    "metadata_value=", "path=", "recursive=", "depth=", "file=", "run=",
)  # fmt: skip


def _filter(shell: Shell, key: str, equals: str, value: str, rest: str) -> list[Candidate]:
    """Complete inside the brackets of a filter."""
    if not equals:
        return _from(_FILTERS, key)
    if key == "path" and "src_path" in rest:
        return _data_paths(shell, value)
    if key == "container":
        return _from(_containers(shell), value)
    if key in {"recursive", "run"}:
        return _from(("yes", "no"), value)
    return []


def _real_paths(typed: str) -> list[Candidate]:
    directory, _, start = typed.rpartition("/")
    place = Path(f"{directory}/" if directory or typed.startswith("/") else ".")
    return _entries(place, start)


def _entries(place: Path, start: str) -> list[Candidate]:
    found = []
    if not place.is_dir():
        return []
    for entry in sorted(place.iterdir()):
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            found.append(Candidate(entry.name + ("/" if entry.is_dir() else ""), -len(start)))
        if len(found) >= _MOST:
            break
    return found


def _data_paths(shell: Shell, typed: str) -> list[Candidate]:
    from polarnight.ophidia.files.paths import Repository

    directory, slash, start = typed.rpartition("/")
    server = shell.server
    repository = Repository(server.settings, server.user, at_site=server.at_site)
    cdd = shell.environment.values["OPH_CDD"]
    return _entries(repository.find(f"{directory}{slash}" or ".", cdd), start)


def _virtual_paths(shell: Shell, typed: str) -> list[Candidate]:
    directory, slash, start = typed.rpartition("/")
    return _from(_listed(shell, f"{directory}{slash}"), start)


def _containers(shell: Shell) -> list[str]:
    return [name for name in _listed(shell, "") if not name.endswith("/")]


def _listed(shell: Shell, path: str) -> list[str]:
    """Return the folders (with ``/``) and containers of a folder."""
    state = shell.environment.state()
    if isinstance(shell.transport, Local):
        server = shell.transport.server
        return names_in(server.catalogue, server.resume(state), path, state.cwd)
    response = shell.transport.submit(f"oph_list level=1;path={path};save=no;", state)
    for item in response.as_dict()["response"]:
        if item["objclass"] == "grid":
            return [str(row[1]) for row in item["objcontent"][0]["rowvalues"]]
    return []


def _pids(shell: Shell) -> list[str]:
    state = shell.environment.state()
    if isinstance(shell.transport, Local):
        server = shell.transport.server
        return pids_in(server.catalogue, server.resume(state), state.cwd)
    response = shell.transport.submit("oph_list level=2;save=no;", state)
    for item in response.as_dict()["response"]:
        if item["objclass"] == "grid":
            return [str(row[2]) for row in item["objcontent"][0]["rowvalues"] if row[2]]
    return []
