"""The terminal on a screen: prompt, history, completion, pasting."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import completion_is_selected, has_completions, is_searching
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from polarnight.ophidia.terminal.commands import Leave
from polarnight.ophidia.terminal.completion import complete
from polarnight.ophidia.terminal.lines import is_complete
from polarnight.ophidia.terminal.shell import Shell

__all__ = ["ask_user", "history_file", "interact", "make_prompt"]

_PROMPT_COLOURS = {
    "black": "ansiblack", "red": "ansired", "green": "ansigreen", "yellow": "ansiyellow",
    "blue": "ansiblue", "purple": "ansimagenta", "cyan": "ansicyan", "white": "ansiwhite",
}  # fmt: skip


def history_file() -> Path:
    """Return where the lines typed are kept."""
    return Path.home() / ".oph_term_history"


class _Completer(Completer):
    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Give what may follow the text before the cursor."""
        text = document.text_before_cursor.replace("\n", "")
        for one in complete(self.shell, text):
            yield Completion(one.text, one.start, display_meta=one.about)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=~is_searching & ~(has_completions & completion_is_selected))
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        # Keys that wait already were not typed by hand: the line break is part of a paste. (The
        # answer of the screen where its cursor is comes among them, and is nobody's key.)
        waiting = event.app.key_processor.input_queue
        pasted = any(press.key is not Keys.CPRResponse for press in waiting)
        if pasted or not is_complete(buffer.text):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("enter", filter=has_completions & completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    return keys


def _history() -> History:
    file = history_file()
    try:
        file.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(file))


def make_prompt(shell: Shell, history: History | None = None, **options: Any) -> PromptSession[str]:
    """Return the prompt of a shell.

    Parameters
    ----------
    shell : Shell
    history : History, optional
        That of the user's file where not given.
    **options
        Of `prompt_toolkit.PromptSession`, such as input and output.
    """
    return PromptSession(
        history=history or _history(),
        completer=ThreadedCompleter(_Completer(shell)),
        complete_while_typing=False,
        key_bindings=_keys(),
        multiline=False,
        prompt_continuation=lambda width, number, wrapped: "." * (width - 1) + " ",
        enable_history_search=True,
        **options,
    )


def _styled(shell: Shell) -> FormattedText:
    colour = _PROMPT_COLOURS.get(shell.environment.values["OPH_TERM_PS1"], "")
    return FormattedText([(colour, shell.prompt)])


def ask_user(question: str) -> bool:
    """Ask on the screen; only yes is yes."""
    try:
        return input(f"{question} [yes/no] ").strip().lower() in {"y", "yes"}
    except (EOFError, KeyboardInterrupt):
        return False


def interact(shell: Shell, prompt: PromptSession[str] | None = None) -> int:
    """Take commands from the keyboard until the user leaves.

    Parameters
    ----------
    shell : Shell
    prompt : PromptSession, optional

    Returns
    -------
    int
        0; what went wrong was said on the way.
    """
    session = prompt or make_prompt(shell)
    shell.history[:] = reversed(list(session.history.load_history_strings()))

    def forget() -> None:
        shell.history.clear()
        if isinstance(session.history, FileHistory):
            history_file().write_bytes(b"")

    shell.forget = forget
    while True:
        try:
            text = session.prompt(_styled(shell))
        except KeyboardInterrupt:
            continue  # Ctrl-C gives up the line, not the terminal
        except EOFError:
            break
        try:
            shell.run(text)
        except Leave:
            break
        except KeyboardInterrupt:
            shell.display.line()
    return 0
