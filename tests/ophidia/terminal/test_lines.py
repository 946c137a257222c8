"""The line of the terminal: history, variables, aliases, commands over several lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polarnight.errors import PolarnightError
from polarnight.ophidia.errors import BadValue, UnknownOperator
from polarnight.ophidia.language.tolerant import read_command, split_commands
from polarnight.ophidia.registry import operator_names
from polarnight.ophidia.terminal.aliases import PREDEFINED, expand_alias, predefined
from polarnight.ophidia.terminal.commands import LOCAL
from polarnight.ophidia.terminal.environment import KNOWN, Environment
from polarnight.ophidia.terminal.lines import (
    expand_history,
    is_complete,
    read_line,
    separated,
)


def read(line, aliases=PREDEFINED):
    return read_line(line, LOCAL, aliases, operator_names())


def test_everything_of_ophidia_is_there():
    assert len(PREDEFINED) == 29
    assert len(KNOWN) == 22
    assert set(LOCAL) == {
        "help", "version", "warranty", "conditions", "quit", "exit", "clear", "history", "env",
        "setenv", "unsetenv", "getenv", "alias", "setalias", "unsetalias", "getalias", "update",
        "watch", "view", "resume", "check",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(PREDEFINED))
def test_every_alias_stands_for_something_that_there_is(name):
    step = read(f"{name} one two" if "$" in PREDEFINED[name] else name)
    assert step.alias == name
    if step.kind == "remote":
        command = read_command(step.text)
        from polarnight.ophidia.registry import get_operator

        cls = get_operator(command.operator)
        if cls.kind != "C":
            assert set(command.arguments) <= set(cls.declared()), step.text
    else:
        assert step.kind == "local"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ll", "oph_list level=2;"),
        ("ll /a/b", "oph_list path=/a/b;level=2;"),
        ("ll recursive=yes", "oph_list level=2;recursive=yes;"),
        ('cd "my folder"', "oph_folder command=cd;path=my folder;"),
        ("cd", "oph_folder command=cd;"),
        ("mv a b", "oph_movecontainer container=a|b;"),
        ("del [1:3]", "oph_delete cube=[1:3];"),
        ("del [container=x;level=0]", "oph_delete cube=[container=x;level=0];"),
        ("rmd a;b=c", 'oph_fs command=rm;dpath="a;b=c";'),
        ("man oph_list", "oph_man function=oph_list;"),
        ("repeat 3", "oph_resume id=3;document_type=request;execute=yes;"),
    ],
)
def test_aliases_take_words(line, expected):
    assert read(line).text.strip() == expected


def test_own_aliases_and_their_ends():
    aliases = {"two": "one $2 $1", "one": "oph_list path=$1;", "me": "me", "plain": "oph_list"}
    assert read("two a b", aliases).text == "oph_list path=b;"
    assert read("plain level=1;", aliases).text == "oph_list level=1;"
    with pytest.raises(BadValue, match="leads to itself"):
        read("me", aliases)
    assert predefined({"OPH_TERM_ALIAS_x": "ll"})["x"] == "ll"
    with pytest.raises(BadValue, match="quote"):
        expand_alias("a $1", 'b"')


@pytest.mark.parametrize(
    ("line", "kind", "name"),
    [
        ("", "nothing", ""),
        ("   # a note", "nothing", ""),
        ("getenv OPH_CWD", "local", "getenv"),
        ("oph_list", "remote", "oph_list"),
        ("OPH_LIST level=1", "remote", "oph_list"),
        ("oph importfits src path=a", "remote", "oph"),
        ("./a.json x 'y z'", "workflow", "./a.json"),
        ("/tmp/a.json", "workflow", "/tmp/a.json"),
        ("a.json x", "workflow", "a.json"),
        ("nights/a.json", "workflow", "nights/a.json"),
        ("pdd", "local", "getenv"),
    ],
)
def test_what_lines_ask_for(line, kind, name):
    step = read(line)
    assert (step.kind, step.name) == (kind, name)


def test_arguments_of_a_workflow():
    assert read("./a.json x 'y z'").words == ("x", "y z")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("lsdd", "did you mean"),
        ("reduce2 dim=z", "type: oph_reduce2 dim=z"),
        ("hepl", "did you mean help"),
        ("\x1b[A", "Command not recognized"),
        (";", "Command not recognized"),
    ],
)
def test_what_is_no_command(line, told):
    with pytest.raises(UnknownOperator) as caught:
        read(line)
    assert told in str(caught.value)
    assert caught.value.code == 3


HISTORY = ["ll", "oph_list level=1", "pdd"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("!!", "pdd"),
        ("!2", "oph_list level=1"),
        ("!-3", "ll"),
        ("!oph", "oph_list level=1"),
        ("!! x", "pdd x"),
        ("oph_list cube=[!1]", "oph_list cube=[!1]"),
        ("ll!", "ll!"),
    ],
)
def test_history(line, expected):
    assert expand_history(line, HISTORY) == expected


@pytest.mark.parametrize("line", ["!9", "!0", "!-4", "!nothing"])
def test_history_that_there_is_not(line):
    with pytest.raises(BadValue, match="no such line"):
        expand_history(line, HISTORY)
    with pytest.raises(BadValue, match="no such line"):
        expand_history("!!", [])


def test_variables():
    environment = Environment({"OPH_TERM_USERVAR_night": "240101", "HOME": "/x", "OPH_CWD": "/a"})
    environment.values["OPH_DATACUBE"] = "http://x/1/2"
    line = "ls $night ${OPH_CWD} $cube $none. $1 ${HOME}"
    assert environment.substitute(line) == "ls 240101 /a http://x/1/2 . $1 "
    with pytest.raises(BadValue, match="did you mean OPH_CWD"):
        environment.get("OPH_CWDD")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPH_NCORES", "0"),
        ("OPH_NCORES", "many"),
        ("OPH_TERM_VIEWER", "nice"),
        ("OPH_TERM_PS1", "mauve"),
        ("OPH_EXEC_MODE", "later"),
        ("OPH_WORKFLOW_AUTOVIEW", "on_x"),
        ("a b", "c"),
        ("", "c"),
    ],
)
def test_variables_that_cannot_be(name, value):
    with pytest.raises(BadValue):
        Environment({}).set(name, value)


def test_unset_variables_get_their_default_back():
    environment = Environment({})
    environment.set("OPH_TERM_PS1", "yellow")
    environment.unset("OPH_TERM_PS1")
    assert environment.get("OPH_TERM_PS1") == "red"
    environment.set("own", "1")
    environment.unset("own")
    with pytest.raises(BadValue):
        environment.unset("own")


def test_secrets_are_not_shown():
    shown = dict(Environment({"OPH_PASSWD": "s3cret", "OPH_TOKEN": "t0ken"}).shown())
    assert "s3cret" not in str(shown)
    assert "t0ken" not in str(shown)


def test_when_more_lines_must_follow():
    assert is_complete("ll")
    assert is_complete("oph_list cube=[1:2];")
    assert not is_complete("oph_importfits src_path=[path=/data;")
    assert not is_complete("oph_list \\")


PASTED = """# from the tutorial
pdd
lsd
oph importfits src path=[path=/data/INDIGO-FITS/fits-raw;
file=LRS.2016-06-06T20-30-03.925.fits];measure=mymeasure;
exp dim=NAXIS1;imp dim=NAXIS2;container=FITS2
ll
./calibrate.json a
oph_metadata mode=read;cube=http://x/1/2;
    metadata_key=FLT_ID;metadata_type=text;
!!
nonsense
"""


def test_pasted_lines():
    starters = {*LOCAL, *PREDEFINED}
    commands = split_commands(separated(PASTED, starters), starters)
    assert [command.split()[0] for command in commands] == [
        "pdd", "lsd", "oph", "ll", "./calibrate.json", "oph_metadata", "!!", "nonsense",
    ]  # fmt: skip
    arguments = read_command(commands[2]).arguments
    assert arguments["exp_dim"] == "NAXIS1"
    assert arguments["container"] == "FITS2"
    assert read_command(commands[5]).arguments["metadata_key"] == "FLT_ID"


def test_a_line_without_a_value_is_a_command_of_its_own():
    starters = {*LOCAL, *PREDEFINED}
    commands = split_commands(separated("oph_reduce2 dim=z\nnonsense\n", starters), starters)
    assert [command.split()[0] for command in commands] == ["oph_reduce2", "nonsense"]


@given(st.text(max_size=60))
def test_no_line_is_anything_but_read_or_refused(line):
    try:
        kind = read(Environment({}).substitute(expand_history(line, HISTORY))).kind
    except PolarnightError as error:
        kind = str(error) and "refused"
    assert kind in {"nothing", "local", "remote", "workflow", "refused"}
