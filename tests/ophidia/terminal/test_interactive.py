"""Keys of the prompt, without a screen."""

import re

import pytest
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from polarnight.ophidia.registry import get_operator
from polarnight.ophidia.terminal.interactive import make_prompt

_CURSOR_IS_AT = "\x1b[24;1R"  # what a screen answers when it is asked where its cursor is


def test_what_is_typed_ahead_is_carried_out(typed):
    # While a command runs, a line is typed; the prompt finds it, and the answer of the screen.
    with create_pipe_input() as keys:
        prompt = make_prompt(typed.shell, InMemoryHistory(), input=keys, output=DummyOutput())
        keys.send_text(f"pdd\r{_CURSOR_IS_AT}")
        keys.close()  # so that a prompt which waits for more ends at once
        assert prompt.prompt() == "pdd"


def test_lines_right_after_each_other_are_a_paste(typed):
    with create_pipe_input() as keys:
        prompt = make_prompt(typed.shell, InMemoryHistory(), input=keys, output=DummyOutput())
        keys.send_text(f"oph_list level=2;\rpath=/\r{_CURSOR_IS_AT}")
        assert prompt.prompt() == "oph_list level=2;\npath=/"


@pytest.mark.parametrize("name", ["oph_delete", "oph_reduce2", "oph_importfits", "oph_subset"])
def test_help_breaks_lines_between_words(typed, name):
    told = typed(f"help {name}")
    assert max(len(line) for line in told.splitlines()) <= 98
    declared = get_operator(name).declared().values()
    choices = {choice for argument in declared for choice in argument.choices}
    assert choices <= set(re.findall(r"\w+", told))
