"""What the commands show: help without types of Python, tables that keep their numbers."""

import io

import pytest
import typer
from rich.console import Group
from rich.text import Text

from polarnight.cli import app as cli
from polarnight.cli.help import tidy
from polarnight.cli.screen import Screen, table_of


def shown(width, *what):
    file = io.StringIO()
    Screen(file=file, width=width, markup=False, highlight=False).print(*what)
    return file.getvalue().splitlines()


def wide():
    table = table_of(
        "file", "seeing", "zero point", "remarks", numbers=("zero point",), wrapped=("remarks",)
    )
    table.add_row("BLLac-0001R.fit", '2.13"', "21.145", "the sky was not as one would wish")
    table.add_row("BLLac-0002R.fit", '2.14"', "21.144", "")
    return table


def test_words_are_wrapped_before_numbers_suffer():
    lines = shown(55, wide())
    assert lines[1].startswith('BLLac-0001R.fit  2.13"       21.145  the sky')
    assert max(map(len, lines)) <= 55
    assert len(lines) > 3


@pytest.mark.parametrize("within", [lambda table: table, lambda table: Group(table, Text("end"))])
def test_a_screen_too_narrow_cuts_nothing(within):
    lines = shown(30, within(wide()))
    assert lines[1].split("  ")[0] == 'BLLac-0001R.fit 2.13"'
    assert lines[1].endswith("21.145 the sky was not as one would wish")
    assert "…" not in "".join(lines)


def test_no_line_ends_with_spaces():
    assert [line for line in shown(120, wide()) if line != line.rstrip()] == []


def test_the_width_of_the_screen_is_its_own_again():
    screen = Screen(file=io.StringIO(), width=30)
    screen.print(wide())
    assert screen.width == 30


def commands(command, names=()):
    yield names, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*names, name))


def test_help_shows_no_types_of_python(capsys):
    cli._register_once()
    tree = list(commands(tidy(typer.main.get_command(cli.app))))
    assert len(tree) > 20
    for names, _ in tree:
        assert cli.run_app([*names, "--help"]) == 0
        told = capsys.readouterr().out.replace("--no-worker", "")  # a flag of its own
        for word in ("<bool>", "<str>", "<list", "<path>", "<int", "<float", "--no-"):
            assert word not in told, (names, word)
