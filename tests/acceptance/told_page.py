"""Pages of the manual that can be run: their files, commands, and what the commands print.

A page is run from top to bottom in an empty directory. A block of ``yaml`` or ``json`` whose first
line is a comment with the name of a file is written to that file. A block of ``console`` has
commands, each after ``$ ``, and what they print. ``<!-- exit 1 -->`` before a block is the status
with which the last command of the block ends, 0 where there is none. ``<!-- slow -->`` begins
what takes long.

``python tests/acceptance/told_page.py docs/your-observatory.md`` runs a page and writes into it
what the commands print today.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOME = "/home/you"
_BLOCK = re.compile(
    r"(?P<marks>(?:<!-- [\w ]+ -->\n)*)```(?P<kind>yaml|json|console)\n(?P<text>.*?)```\n",
    re.DOTALL,
)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?![\w]|\.\d)")
_SESSION = re.compile(r"(?<=/sessions/)\d{30,}(?=/)")
_NOW = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d")
_PROGRESS = re.compile(r"^(INFO|WARNING) .*\n(?: {9}.*\n)*", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of a page: a file to write, or commands to run."""

    kind: str
    text: str
    exit: int
    slow: bool
    span: tuple[int, int]

    @property
    def file(self) -> str:
        """Return the file to write the block to, ``""`` where it names none."""
        named = re.match(r"(?:#|//) (\S+\.\w+)\n", self.text)
        return named[1] if named else ""


@dataclass(frozen=True)
class Command:
    """A command of a page and what the page says that it prints."""

    shown: str
    expected: str

    @property
    def script(self) -> str:
        return self.shown.replace("\\\n    ", "")


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page that are run."""
    found, slow = [], False
    for match in _BLOCK.finditer(page):
        marks = match["marks"]
        slow = slow or "<!-- slow -->" in page[: match.end("marks")]
        status = re.search(r"<!-- exit (\d) -->", marks)
        block = Block(
            match["kind"], match["text"], int(status[1]) if status else 0, slow, match.span("text")
        )
        if block.kind == "console" or block.file:
            found.append(block)
    return found


def commands(text: str) -> list[Command]:
    """Return the commands of a block."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not parts[0], f"a block of console begins with a command: {text}"
    found = []
    for part in parts[1:]:
        lines = part.splitlines(keepends=True)
        count = 1
        while lines[count - 1].endswith("\\\n"):
            count += 1
        found.append(Command("".join(lines[:count]).rstrip("\n"), "".join(lines[count:])))
    return found


class Reader:
    """Somebody who follows a page word for word in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POLARNIGHT_")},
            **{"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "MPLBACKEND": "Agg"},
            **{"HOME": str(directory), "POLARNIGHT_CONFIG": os.devnull, "OMP_NUM_THREADS": "1"},
        }

    def write(self, block: Block) -> None:
        """Write the file that a block holds."""
        (self.directory / block.file).write_text(block.text)

    def run(self, command: Command) -> tuple[int, str]:
        """Return the exit status of a command and what it prints, progress aside."""
        if command.script.startswith("export "):
            name, _, value = command.script.removeprefix("export ").partition("=")
            self.environment[name] = value
            return 0, ""
        program = f'polarnight() {{ "{sys.executable}" "{__file__}" --alone "$@"; }}\n'
        done = subprocess.run(
            ["bash", "-c", program + command.script],
            cwd=self.directory, env=self.environment, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        told = _PROGRESS.sub("", done.stdout).replace(str(self.directory.resolve()), HOME)
        # What is new every time: numbers of sessions, and when a row was written.
        told = _NOW.sub("2026-11-20 20:30:03", _SESSION.sub("26705186011837982601", told))
        return done.returncode, "".join(f"{line.rstrip()}\n" for line in told.splitlines())

    def follow(self, block: Block) -> Iterator[tuple[Command, int, int, str]]:
        """Do what a block says; yield commands, expected and actual status, and output."""
        if block.kind != "console":
            self.write(block)
            return
        listed = commands(block.text)
        for number, command in enumerate(listed, 1):
            expected = block.exit if number == len(listed) else 0
            yield command, expected, *self.run(command)


def difference(expected: str, told: str) -> str:
    """Return in what two outputs differ beyond what machines may differ; ``""`` if in nothing.

    Seconds that something took may differ, and decimal numbers by 2 % or three units of their
    last digit; integers and words may not.
    """
    pages, news = (re.sub(r"-{3,}|={3,}", "---", text).split() for text in (expected, told))
    if len(pages) != len(news):
        return f"{len(news)} words in place of {len(pages)}"
    for place, (page, new) in enumerate(zip(pages, news, strict=True)):
        around = pages[place - 1 : place], pages[place + 1 : place + 2]
        took = around in ((["in"], ["s"]), (["time:"], ["seconds"]))
        if page == new or took:
            continue
        if _NUMBER.sub("#", page) != _NUMBER.sub("#", new):
            return f"{new!r} in place of {page!r}"
        for one, other in zip(_NUMBER.findall(page), _NUMBER.findall(new), strict=True):
            if not _close(one, other):
                return f"{new!r} in place of {page!r}"
    return ""


def _close(one: str, other: str) -> bool:
    if "." not in one:
        return one == other
    unit = 10.0 ** -len(one.partition(".")[2])
    near = max(3.5 * unit, 0.02 * abs(float(one)) if abs(float(one)) < 1000.0 else 0.0)
    return abs(float(one) - float(other)) <= near


def refresh(path: Path) -> list[str]:
    """Run a page and write what its commands print today into it, if none of them fails.

    Returns
    -------
    list of str
        The commands that did not end as the page says.
    """
    page, wrong = path.read_text(), []
    pieces, end = [], 0
    with tempfile.TemporaryDirectory() as directory:
        reader = Reader(Path(directory))
        for block in blocks(page):
            said = []
            for command, expected, status, told in reader.follow(block):
                if status != expected:
                    wrong.append(f"{command.shown}: exit status {status}, expected {expected}")
                said.append(f"$ {command.shown}\n{told}")
            pieces += [page[end : block.span[0]], "".join(said) or block.text]
            end = block.span[1]
    if not wrong:
        path.write_text("".join([*pieces, page[end:]]))
    return wrong


def run_alone(arguments: list[str]) -> None:
    """Run polarnight as where no package of others is installed."""
    from importlib import metadata

    every = metadata.entry_points

    def own(**wanted: str) -> metadata.EntryPoints:
        if not wanted.get("group", "").startswith("polarnight."):
            return every(**wanted)
        ours = (p for p in every(**wanted) if p.dist and p.dist.name == "polarnight")
        return metadata.EntryPoints(ours)

    metadata.entry_points = own
    from polarnight.cli import main

    sys.argv = ["polarnight", *arguments]
    main()


if __name__ == "__main__" and sys.argv[1:2] == ["--alone"]:
    run_alone(sys.argv[2:])
if __name__ == "__main__":
    faults = refresh(Path(sys.argv[1]))
    sys.exit("\n".join(faults) or 0)
