"""``oph_term``: options, and what they begin."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from polarnight.errors import PolarnightError
from polarnight.ophidia.answers.response import storable
from polarnight.ophidia.answers.tables import clean
from polarnight.ophidia.errors import OphidiaError, refused_by_machine

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.ophidia.terminal.shell import Shell

__all__ = ["main", "run_terminal"]

_BAD_OPTION = 4


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Leave with the code of Ophidia for a bad option."""
        self.print_usage(sys.stderr)
        self.exit(_BAD_OPTION, f"{self.prog}: {message} [CODE {_BAD_OPTION}]\n")


def _parser(name: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=name,
        description="Commands on data cubes in the words of Ophidia. Without -e and -w, commands "
        "are read from the keyboard, a pipe or a file.",
        epilog="Exit codes: 0 well, 1 in general, 3 unknown command, 4 bad option, 5 no server, "
        "6 unknown argument, 7 access refused, 8 bad value, 9 the command failed.",
    )
    parser.add_argument("-u", metavar="USER", default="", help="whose sessions they are")
    parser.add_argument("-p", metavar="PASSWORD", default="", help="password of a remote server")
    parser.add_argument("-H", metavar="HOST", default="", help="Polarnight site; here unless given")
    parser.add_argument("-P", metavar="PORT", default="", help="port of a remote server")
    parser.add_argument("-t", metavar="TOKEN", default="", help="token of a remote server")
    parser.add_argument("-e", metavar="COMMAND", help="carry out one command and leave")
    parser.add_argument("-w", metavar="FILE", help="carry out a workflow and leave")
    parser.add_argument("-a", metavar="ARGS", default="", help="arguments of -w: first,second")
    parser.add_argument("-j", action="store_true", help="print one JSON object (with -e, -w)")
    parser.add_argument("-v", action="store_true", help="print the version")
    parser.add_argument("-d", action="store_true", help="print every request")
    parser.add_argument("-x", action="store_true", help="print the warranty")
    parser.add_argument("-z", action="store_true", help="print the conditions of use")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``oph_term`` with the settings of the user.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of those of the process.

    Returns
    -------
    int
        Exit code.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.db.settings"

    def settings() -> Settings:
        import polarnight

        found = polarnight.Config(config_db=True, config_logging=True, gonogui=True)
        logging.getLogger("polarnight").propagate = False
        return found

    given = sys.argv[1:] if arguments is None else list(arguments)
    return run_terminal(given, settings, "oph_term")


def run_terminal(arguments: Sequence[str], settings: Any, name: str = "polarnight terminal") -> int:
    """Run the terminal.

    Parameters
    ----------
    arguments : sequence of str
        As of ``oph_term``.
    settings : Settings or callable
        A callable gives them when they are needed.
    name : str
        Shown in the help.
    """
    try:
        given = _parser(name).parse_args(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    if given.v or given.x or given.z:
        return _about(given)
    shell = None
    try:
        shell = _shell(given, settings() if callable(settings) else settings)
        return _begun(shell, given)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        told = error if isinstance(error, PolarnightError) else refused_by_machine(error)
        if told is None:
            raise
        code = told.code if isinstance(told, OphidiaError) else 1
        sys.stderr.write(f"{name}: {clean(str(told))} [CODE {code}]\n")
        return code
    finally:
        with contextlib.suppress(BrokenPipeError):
            if shell is not None:
                shell.close()


def _about(given: argparse.Namespace) -> int:
    from polarnight.ophidia.terminal.commands import LOCAL

    class Nobody:
        from polarnight.ophidia.terminal.display import Display

        display = Display()

    for wanted, command in ((given.v, "version"), (given.x, "warranty"), (given.z, "conditions")):
        if wanted:
            LOCAL[command].run(Nobody(), "")  # type: ignore[arg-type]
    return 0


def _shell(given: argparse.Namespace, settings: Settings) -> Shell:
    from polarnight.ophidia.server import Server
    from polarnight.ophidia.terminal.environment import Environment
    from polarnight.ophidia.terminal.shell import Shell
    from polarnight.ophidia.transport import Remote, is_here

    environment = Environment()
    values = environment.values
    for option, variable in (
        (given.u, "OPH_USER"),
        (given.p, "OPH_PASSWD"),
        (given.H, "OPH_SERVER_HOST"),
        (given.P, "OPH_SERVER_PORT"),
        (given.t, "OPH_TOKEN"),
    ):
        if option:
            environment.set(variable, option)
    host = values["OPH_SERVER_HOST"]
    if is_here(host):
        settings.data.ensure()
        return Shell(Server(settings, values["OPH_USER"]), environment)
    password, token = values["OPH_PASSWD"], values["OPH_TOKEN"]
    if values["OPH_USER"] and not (password or token) and sys.stdin.isatty():
        password = getpass.getpass(f"Password of {values['OPH_USER']} at {host}: ")
    port, seconds = values["OPH_SERVER_PORT"], float(values["OPH_TIMEOUT"])
    return Shell(
        Remote(host, port, values["OPH_USER"], password, token, seconds or None), environment
    )


def _begun(shell: Shell, given: argparse.Namespace) -> int:
    from polarnight.ophidia.terminal.interactive import ask_user

    shell.begin()
    if given.e is not None or given.w:
        return _once(shell, given)
    if not sys.stdin.isatty():
        return _piped(shell)
    from polarnight import __version__
    from polarnight.ophidia.terminal.interactive import interact

    shell.ask = ask_user
    shell.display.line(f"Polarnight {__version__}: commands on data cubes. help shows them.")
    return interact(shell)


def _piped(shell: Shell) -> int:
    """Carry out what comes through a pipe or from a file."""
    from polarnight.ophidia.terminal.commands import Leave

    code = 0
    with contextlib.suppress(Leave, KeyboardInterrupt):
        for line in shell.commands(f"{sys.stdin.read()}\n\n"):
            shell.display.line(f"{shell.prompt}{line}")
            code = shell.execute(line) or code
    return code


def _once(shell: Shell, given: argparse.Namespace) -> int:
    """Carry out one command or workflow."""
    from polarnight.ophidia.terminal.commands import Leave

    if sys.stdin.isatty() and not given.j:
        from polarnight.ophidia.terminal.interactive import ask_user

        shell.ask = ask_user
    out, err = shell.display.out, shell.display.err
    told_out, told_err = io.StringIO(), io.StringIO()
    if given.j:
        shell.display.out, shell.display.err = told_out, told_err
        shell.echo = False
    code = 0
    with contextlib.suppress(Leave):
        if given.w:
            words = given.a.split(",") if given.a else []
            code = _workflow(shell, given.w, words)
        else:
            code = shell.run(given.e)
    if given.j:
        told = {
            "request": shell.last.request if shell.last else (given.e or given.w),
            "response": shell.last.as_dict() if shell.last else {},
            "jobid": shell.last.jobid if shell.last else "",
            "stdout": told_out.getvalue(),
            "stderr": told_err.getvalue(),
            "code": code,
        }
        shell.display.out, shell.display.err = out, err
        out.write(storable(json.dumps(told, ensure_ascii=False)) + "\n")
        out.flush()
    return code


def _workflow(shell: Shell, path: str, words: Sequence[str]) -> int:
    try:
        return shell.workflow(path, words)
    except PolarnightError as error:
        code = getattr(error, "code", 9)
        shell.display.error(str(error), code)
        return int(code)
