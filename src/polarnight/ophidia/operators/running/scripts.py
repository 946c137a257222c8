"""oph_script and oph_generic: programs that the settings name, and no others."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Grid, Item, Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import AccessRefused, BadValue, OperatorFailed
from polarnight.ophidia.files.guarding import refuse_raw
from polarnight.ophidia.files.paths import check_file_name
from polarnight.ophidia.files.programs import Program, environment, session_directory, split_words
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Generic", "Script"]

_STDOUT = Argument("stdout", default="stdout",
                   help="File in the session's directory to append the output to.")  # fmt: skip
_STDERR = Argument("stderr", default="stderr",
                   help="File in the session's directory to append the messages to.")  # fmt: skip
_SPACE = yes_no("space", False, "Whether blanks belong to the arguments and do not part them.")
_ARGS = Argument("args", default=(), multiple=True, help="What the program is given.")
_TEXT = (
    "Only programs that the setting cubes.scripts names may run; there are none unless somebody "
    "names some. They run in the export directory of the session, without a shell, and are "
    "stopped after the time of the setting cubes.script_timeout."
)


class _Running(Operator):
    """Base of both."""

    kind = "U"
    serial = True
    prefix = ""

    def program(self, name: str, context: Context) -> Program:
        """Return the program of a name, or refuse it."""
        if context.server.at_site:
            msg = f"{self.name}: a site runs no programs"
            raise AccessRefused(msg, "export the cube, and run it where you are")
        known = context.settings.cubes.scripts
        if name not in known:
            msg = f"{self.name}: no program {name[:60]!r} is registered"
            remedy = f"there are {', '.join(sorted(known))}" if known else "no program may run"
            raise BadValue(msg, f"{remedy}; the setting cubes.scripts names them")
        return Program(name, known[name], context.settings.cubes.script_timeout)

    def outcome(
        self, program: Program, arguments: list[str], given: Given, context: Context
    ) -> list[Item]:
        """Run it and return what it said."""
        place = session_directory(context)
        files = {
            key: place / check_file_name(given[key], key)
            for key in ("stdout", "stderr")
            if given[key] != key
        }
        done = program.run(
            arguments, place, environment(context, self.prefix, place), context.cancelled
        )
        for key, path in files.items():
            with path.open("a", encoding="utf-8") as file:
                file.write(getattr(done, key))
        key = self.name.removeprefix("oph_")
        shown = "" if "stdout" in files else done.stdout
        objects: list[Item] = [
            Text(key if key == "script" else f"{key}_output", f"Output of {program.name}", shown),
            Text(f"{key}_returncode", "Return Code", str(done.code)),
        ]
        if key == "script":
            objects.append(Text("script_url", "Output Directory", place.as_posix()))
        if done.stderr and "stderr" not in files:
            objects.append(Text(f"{key}_messages", "Messages", done.stderr))
        if done.code:
            last = (done.stderr or done.stdout).strip().splitlines()
            msg = f"{self.name}: {program.name} ended with code {done.code}"
            raise OperatorFailed(msg, last[-1][:300] if last else "it said nothing")
        return objects


@operator
class Script(_Running):
    """A registered program."""

    name = "oph_script"
    title = "Run a program that the settings name."
    text = _TEXT + (
        " It finds OPH_SCRIPT_DATA_PATH, OPH_SCRIPT_SESSION_PATH, OPH_SCRIPT_SESSION_URL, "
        "OPH_SCRIPT_SESSION_CODE, OPH_SCRIPT_WORKFLOW_ID, OPH_SCRIPT_MARKER_ID, "
        "OPH_SCRIPT_SERVER_HOST, OPH_SCRIPT_SERVER_PORT and OPH_SCRIPT_USER in its environment."
    )
    arguments = (
        Argument("script", default=":", help="Its registered name; : does nothing."),
        _ARGS, _STDOUT, _STDERR,
        yes_no("list", False, "List the programs that may run."),
        _SPACE,
    )  # fmt: skip
    objects = ("script", "script_url", "script_returncode", "script_messages")
    prefix = "OPH_SCRIPT_"

    def run(self, given: Given, context: Context) -> Answer:
        """Run it."""
        if given["list"] == "yes":
            names = sorted(context.settings.cubes.scripts)
            return Answer([Grid("script", "Scripts", ("SCRIPT",), [(name,) for name in names])])
        if given["script"] == ":":
            return Answer(
                [Text("script", "Output", ""), Text("script_returncode", "Return Code", "0")]
            )
        program = self.program(given["script"], context)
        arguments = split_words(given["args"], whole=given["space"] == "yes")
        return Answer(self.outcome(program, arguments, given, context))


@operator
class Generic(_Running):
    """A registered program with files to read and to write."""

    name = "oph_generic"
    title = "Run a program that the settings name on files of the data repository."
    text = _TEXT + (
        " After args come the input files and the output file, as real paths. Its environment "
        "has the same names as that of oph_script, with OPH_GENERIC_ before them."
    )
    arguments = (
        Argument("command", mandatory=True, help="Registered name of the program."),
        _ARGS,
        Argument("input", "path", default=(), multiple=True, help="Files to read."),
        Argument("output", "path", default="",
                 help="File to write, for output_path and output_name; none for no such file."),
        Argument("output_path", "path", default="default",
                 help="Directory of the output; default is the current data directory."),
        Argument("output_name", default="default", help="Name of the output."),
        yes_no("force", False, "Whether an output that is there may be overwritten."),
        _SPACE, _STDOUT, _STDERR,
    )  # fmt: skip
    objects = ("generic_output", "generic_returncode", "generic_messages")
    prefix = "OPH_GENERIC_"

    def run(self, given: Given, context: Context) -> Answer:
        """Run it."""
        program = self.program(given["command"], context)
        arguments = split_words(given["args"], whole=given["space"] == "yes")
        inputs = [one for one in given["input"] if one]
        arguments += [str(context.files.find(one, context.cdd)) for one in inputs]
        output = self._output(given, context)
        arguments += [output] if output else []
        return Answer(self.outcome(program, arguments, given, context))

    def _output(self, given: Given, context: Context) -> str:
        """Return the real path of the file to write, ``""`` for none."""
        if given["output"].lower() in {"none", "null"}:
            return ""
        if given["output"]:
            path = given["output"]
        elif given["output_name"] == "default":
            return ""
        else:
            name = check_file_name(given["output_name"], "output_name")
            where = "" if given["output_path"] == "default" else f"{given['output_path']}/"
            path = f"{where}{name}"
        place = context.files.place(path, context.cdd)
        if place.is_dir() or (place.exists() and given["force"] != "yes"):
            msg = f"{self.name}: {path[:200]} is there already"
            raise BadValue(msg, "add force=yes to overwrite it, or name another file")
        refuse_raw(place, context.files.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        return str(place)
