"""The terminal: a line in, an exit code out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.errors import PolarnightError
from polarnight.ophidia.answers.response import Response
from polarnight.ophidia.errors import BadValue, OperatorFailed, OphidiaError
from polarnight.ophidia.language.tolerant import split_commands
from polarnight.ophidia.registry import operator_names
from polarnight.ophidia.state import State
from polarnight.ophidia.terminal.aliases import predefined
from polarnight.ophidia.terminal.commands import LOCAL, Leave
from polarnight.ophidia.terminal.display import Display, Unread
from polarnight.ophidia.terminal.environment import Environment
from polarnight.ophidia.terminal.lines import Step, expand_history, read_line, separated
from polarnight.ophidia.terminal.running import Progress, Worker
from polarnight.ophidia.transport import Local, Transport
from polarnight.ophidia.workflow.text.document import read_text

if TYPE_CHECKING:
    from polarnight.ophidia.server import Server

__all__ = ["Shell"]

_LOG = logging.getLogger("polarnight.ophidia.terminal")

Ask = Callable[[str], bool]
"""Asks a question that is answered by yes or no."""


class Shell:
    """One terminal of one user.

    Parameters
    ----------
    place : Transport or Server
        Who carries commands out.
    environment : Environment, optional
    display : Display, optional
    ask : callable, optional
        Asks before something is deleted that was not named; where not given, nobody can be
        asked, and it is refused.
    """

    def __init__(
        self,
        place: Transport | Server,
        environment: Environment | None = None,
        display: Display | None = None,
        ask: Ask | None = None,
    ) -> None:
        self.transport = place if isinstance(place, Transport) else Local(place)
        self.environment = environment or Environment()
        self.display = display or Display()
        self.ask = ask
        self.aliases = predefined()
        self.local = LOCAL
        self.history: list[str] = []
        self.worker = Worker()
        self.last: Response | None = None
        self.last_workflow = 0
        self.echo = True
        self.forget: Callable[[], object] = self.history.clear

    @property
    def server(self) -> Server:
        """The server of this process.

        Raises
        ------
        OperatorFailed
            Where commands are carried out elsewhere.
        """
        if isinstance(self.transport, Local):
            return self.transport.server
        msg = f"this needs the engine in this process, and commands go to {self.transport.host}"
        raise OperatorFailed(msg, "oph_resume and oph_loggingbk show what happened there")

    # --- beginning and end -------------------------------------------------------------------

    def begin(self, session: str = "") -> None:
        """Take up the user's last session, or the one that is named.

        Raises
        ------
        PolarnightError
            Where there is no such session.
        """
        state = self.environment.state()
        state.session = session or state.session
        self.worker.run(lambda progress, stop: self.transport.resume(state))
        self.environment.values["OPH_USER"] = self.transport.user
        self.environment.take(state)

    def close(self) -> None:
        """Wait for jobs in the background, which end with this process, and stop."""
        for job in self.transport.running():
            self.display.err.write(f"waiting for {job} (Ctrl-C leaves it)\n")
            try:
                while not self.transport.leave(job, 0.2):
                    continue
            except KeyboardInterrupt:
                self.transport.stop(job)
        self.transport.close()
        self.worker.close()

    @property
    def prompt(self) -> str:
        """The prompt: first two and last four digits of the session."""
        session = self.environment.values["OPH_SESSION_ID"]
        code = session.partition("/sessions/")[2].partition("/")[0]
        return f"[{code[:2]}..{code[-4:]}] >> " if code else "[..] >> "

    # --- lines -------------------------------------------------------------------------------

    def commands(self, text: str) -> list[str]:
        """Return the commands of a typed or pasted text, each on one line."""
        if "\n" not in text.strip():
            return [text.strip()] if text.strip() else []
        starters = {*self.local, *self.aliases}
        return split_commands(separated(text, starters), starters)

    def run(self, text: str) -> int:
        """Carry out everything in a text; the code is that of the last that failed, or 0."""
        code = 0
        for line in self.commands(text):
            code = self.execute(line) or code
        return code

    def execute(self, line: str) -> int:
        """Carry out one line; what is wrong is printed.

        Returns
        -------
        int
            Exit code.
        """
        try:
            return self._execute(line)
        except (Leave, Unread):
            raise
        except OphidiaError as error:
            self.display.error(str(error), error.code)
            return error.code
        except PolarnightError as error:
            self.display.error(str(error), 9)
            return 9
        except Exception as error:  # noqa: BLE001
            # Whatever it is, the terminal and what is open in it stay.
            # The traceback is for the log; a warning does not reach the screen.
            _LOG.warning("the command %r", line, exc_info=True)
            told = " ".join(str(error).split())
            self.display.error(f"{type(error).__name__}: {told}; this is a fault of Polarnight", 1)
            return 1

    def _execute(self, line: str) -> int:
        typed = line.strip()
        expanded = expand_history(typed, self.history)
        if expanded != typed:
            self.display.plain(expanded)
        if expanded:
            self.history.append(expanded)
        step = self.read(expanded)
        if step.kind == "nothing":
            return 0
        if step.kind == "local":
            return self.local[step.name].run(self, step.text)
        if step.kind == "workflow":
            return self.workflow(step.name, step.words)
        return self.remote(step.text, step.alias)

    def read(self, line: str) -> Step:
        """Return what a line asks for, with variables replaced."""
        step = read_line(
            self.environment.substitute(line), self.local, self.aliases, operator_names()
        )
        if step.alias and "$" in step.text:
            # Aliases may name variables as well.
            text = self.environment.substitute(step.text)
            return Step(step.kind, step.name, text, step.words, step.alias)
        return step

    # --- commands ----------------------------------------------------------------------------

    def remote(self, text: str, alias: str = "") -> int:
        """Carry out a command, and show what it answers."""
        if alias == "drop":
            if not self._may_drop(text):
                self.display.line("nothing deleted")
                return 0
            forced = "force=yes" in text.replace(" ", "")
            text = text if forced else f"{text.rstrip().rstrip(';')};force=yes;"
        response = self.submit(text)
        return self.show(response)

    def submit(self, text: str) -> Response:
        """Carry out a command, and return what it answers."""
        state = self.environment.state()
        before = state.session

        def work(progress: Callable[[str, float], None], stop: threading.Event) -> Response:
            return self.transport.submit(text, state, progress, stop)

        response = self.worker.run(work, Progress(self.display.err))
        self._take(state, before)
        return response

    def _take(self, state: State, before: str) -> None:
        if state.session != before:
            self.last_workflow = 0
        self.environment.take(state)

    def show(self, response: Response) -> int:
        """Show a response, and return its code."""
        self.last = response
        if number := response.source.get("Workflow"):
            self.last_workflow = int(number)
        values = self.environment.values
        if self.echo:
            self.display.response(response, values["OPH_TERM_VIEWER"], values["OPH_TERM_PS1"])
        for warning in response.warnings:
            self.display.warning(warning)
        if response.error:
            self.display.error(response.error, response.code or 9)
        return response.code or (9 if response.error else 0)

    def workflow(self, path: str, words: Sequence[str]) -> int:
        """Carry out a workflow file."""
        text = read_text(Path(path))
        state = self.environment.state()
        before = state.session

        def work(progress: Callable[[str, float], None], stop: threading.Event) -> Response:
            return self.transport.submit_workflow(text, words, state, progress, stop)

        response = self.worker.run(work, Progress(self.display.err))
        response.request = " ".join([path, *words])
        self._take(state, before)
        code = self.show(response)
        auto = self.environment.values["OPH_WORKFLOW_AUTOVIEW"]
        if auto != "off" and response.ok and response.get("jobid") is not None:
            times = auto.split("_")[1:] or ["0", "5"]
            return self.local["view"].run(self, " ".join(times))
        return code

    def _may_drop(self, text: str) -> bool:
        """Ask before everything is deleted.

        Raises
        ------
        BadValue
            Where nobody can be asked.
        """
        if "force=yes" in text.replace(" ", ""):
            return True
        if self.ask is None:
            msg = "drop deletes every cube of the folder, and nobody can be asked here"
            raise BadValue(msg, "type drop force=yes, or del with the cubes")
        cwd = self.environment.values["OPH_CWD"]
        return self.ask(f"Delete all cubes in {cwd}?")
