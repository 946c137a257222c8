"""Typing into a terminal that works on a real server."""

import json
import signal
import time
from types import SimpleNamespace

import pytest

from polarnight.ophidia.terminal.commands import Leave, monitoring
from polarnight.ophidia.terminal.completion import complete
from polarnight.ophidia.terminal.running import Progress
from polarnight.ophidia.workflow import Status

IMPORT = """oph importfits src path=[path=/data/INDIGO-FITS/fits-raw;
file=LRS.2016-06-06T20-30-03.925.fits];measure=mymeasure;
exp dim=NAXIS1;imp dim=NAXIS2;container=FITS2
"""


def test_the_tutorial_in_order_as_printed(typed):
    assert typed("pdd") == "/\n"
    assert "data/" in typed("lsd") or "| data" in typed("lsd")
    made = typed("oph_createcontainer container=FITS2;dim=NAXIS2|NAXIS1;dim_type=int|int;")
    assert "Output Container" in made
    imported = typed(IMPORT)
    pid = typed.value("OPH_DATACUBE")
    underlined = "\u00af" * 11
    assert f"Output Cube\n{underlined}\n{pid}" in imported
    listed = typed("ll")
    assert "| T | PATH" in listed
    assert pid in listed
    cards = typed(f"    oph_metadata mode=read;cube={pid};")
    assert "OBS-TYPE" in cards
    one = typed(
        f"oph_metadata mode=read;cube={pid};\n"
        "    metadata_key=FLT_ID;metadata_type=text;metadata_value=test_text;"
    )
    assert "FLT_ID" in one
    assert "OBS-TYPE" not in one
    full = typed("oph_deletecontainer container=FITS2;", code=9)
    assert "force=yes" in full
    typed(f"oph_delete cube={pid};")
    assert pid not in typed("ll")
    typed("oph_deletecontainer container=FITS2;")
    assert "FITS2" not in typed("ll")


def test_all_of_it_pasted_at_once(typed):
    told = typed(f"pdd\nlsd\n{IMPORT}ll\ngetenv cube\n")
    assert typed.value("OPH_DATACUBE")
    assert f"\n{typed.value('OPH_DATACUBE')}\n" in told


def test_the_last_cube_is_taken_and_a_new_session_has_none(typed):
    typed(IMPORT)
    pid = typed.value("OPH_DATACUBE")
    assert "mymeasure" in typed("oph_cubeschema")
    assert pid in typed("oph_cubesize cube=$cube;")
    first = typed.value("OPH_SESSION_ID")
    typed("new")
    assert typed.value("OPH_SESSION_ID") != first
    assert typed.value("OPH_DATACUBE") == ""
    assert pid not in typed("ll")
    typed(f"resume {first}")
    assert pid in typed("ll")


def test_folders_and_directories(typed):
    typed("mkdir a")
    typed("cd a")
    assert typed.value("OPH_CWD").rstrip("/") == "/a"
    assert typed("pwd").strip() == typed.value("OPH_CWD")
    typed("cd")
    typed("cdd /data/INDIGO-FITS")
    assert typed("pdd").strip().rstrip("/") == "/data/INDIGO-FITS"
    assert "fits-raw" in typed("lsd")
    typed("cdd ../..", code=7)


WRONG = [
    ("nonsense", 3, "Command not recognized: nonsense"),
    ("oph_lst", 3, "did you mean oph_list"),
    ("oph_list level", 6, "key=value"),
    ("oph_list level=99", 8, "level"),
    ("oph_list strict=yes;levle=1", 6, "did you mean level"),
    ("oph_metadata cube=http://x/1/999999;", 8, "999999"),
    ("oph_for key=a;", 9, "workflows"),
    ("./none.json", 8, "none.json"),
    ("setenv OPH_NCORES=x", 8, "whole number"),
    ("setenv OPH_TERM_PS1", 8, "NAME=value"),
    ("getenv NOTHING", 8, "no variable"),
    ("unsetalias nothing", 8, "no alias"),
    ("setalias help=ll", 8, "alias"),
    ("help nothing", 8, "no help"),
    ("view 99", 8, "no job 99"),
    ("view -j nowhere", 8, "no job"),
    ("check none.json", 8, "none.json"),
    ("watch", 8, "command is missing"),
    ("resume 12345678901234567890", 9, "session"),
    ("!99", 8, "history"),
    ("drop", 8, "nobody can be asked"),
    ('ls "a', 8, "quote"),
]


def test_what_is_wrong_has_its_code_and_one_line(typed):
    for line, code, told in WRONG:
        shown = typed(line, code)
        assert told in shown, line
        assert shown.rstrip().endswith(f"[CODE {code}]"), line


def test_local_commands(typed):
    everything = typed("help")
    assert "oph_reduce2" in everything
    assert "Repeat a command until Ctrl-C, every 2 seconds." in " ".join(everything.split())
    local, _, aliases = everything.partition("Operators (")
    assert max(len(line) for line in (local + aliases[-300:]).split("\n")) <= 98
    assert "operation" in typed("help oph_reduce2")
    assert "oph_list path=$1;level=2;" in typed("help ll")
    assert "basic" in typed("help OPH_TERM_VIEWER")
    assert "setenv NAME=value" in typed("help setenv")
    assert "Polarnight" in typed("version")
    assert "without warranty" in typed("warranty")
    assert "BSD" in typed("conditions")
    typed("setenv mine='a b'")
    assert typed("getenv mine") == "a b\n"
    assert "mine=a b" in typed("env")
    typed("unsetenv mine")
    typed("getenv mine", code=8)
    typed("setalias l1=oph_list level=$1;")
    assert typed("getalias l1") == "oph_list level=$1;\n"
    assert "l1=" in typed("alias")
    assert "archive/" in typed("l1 1")
    typed("unsetalias l1")
    typed("l1 1", code=3)
    assert "operators are known" in typed("update -f")
    assert "  getenv mine" in typed("history")
    typed("history -c")
    assert typed("history").split() == ["1", "history"]
    typed("pdd")
    assert typed("!!") == "pdd\n/\n"
    for line in ("quit", "exit"):
        with pytest.raises(Leave):
            typed.shell.execute(line)


def test_viewers(typed):
    typed("setenv OPH_TERM_VIEWER=dump")
    assert json.loads(typed("ll"))["responseKeyset"][-1] == "status"
    typed("setenv OPH_TERM_VIEWER=extended")
    assert "Producer: ada" in typed("ll")


def test_drop_asks_first(typed):
    typed(IMPORT)
    pid = typed.value("OPH_DATACUBE")
    asked = []
    typed.shell.ask = lambda question: asked.append(question)
    assert "nothing deleted" in typed("drop")
    assert asked == ["Delete all cubes in /?"]
    assert pid in typed("ll")
    typed.shell.ask = lambda question: True
    typed("drop")
    end = time.monotonic() + 20
    while pid in typed("ll"):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_unforeseen_fault_leaves_the_terminal_open(typed, monkeypatch):
    import io

    def broken(*args, **options):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(typed.shell.server, "submit", broken)
    typed.shell.display.err = io.StringIO()
    assert typed.shell.run("ll") == 1
    assert typed.shell.display.err.getvalue().count("\n") == 1
    assert "ZeroDivisionError" in typed.shell.display.err.getvalue()


# --- workflows -------------------------------------------------------------------------------

FLOW = {
    "name": "bias",
    "tasks": [
        {
            "name": "in",
            "operator": "oph_importfits",
            "arguments": ["src_path=[path=$1;file=*.fits]", "container=N"],
        },
        {
            "name": "stack",
            "operator": "oph_mergecubes2",
            "arguments": ["cubes=[container=N;metadata_key=FLT_ID;metadata_value=OPEN]", "dim=z"],
            "dependencies": [{"task": "in"}],
        },
        {
            "name": "median",
            "operator": "oph_reduce2",
            "arguments": ["operation=quantile", "order=0.5", "dim=z"],
            "dependencies": [{"task": "stack", "type": "single"}],
        },
    ],
}


def test_a_workflow_from_the_terminal(typed, tmp_path):
    file = tmp_path / "flow.json"
    file.write_text(f"// the bias of a night\n{json.dumps(FLOW)}")
    checked = typed(f"check {file} /data/INDIGO-FITS/fits-raw")
    assert "is sound: 3 tasks" in checked
    assert "stack   oph_mergecubes2  after in" in checked
    told = typed(f"{file} /data/INDIGO-FITS/fits-raw")
    assert told.count(Status.COMPLETED) == 4
    shown = typed("view")
    assert "Workflow Progress" in shown
    assert "done             median" in shown
    typed(f"view -g {tmp_path / 'flow.svg'}")
    assert "<svg" in (tmp_path / "flow.svg").read_text()
    typed(f"view -g {tmp_path / 'flow.exe'}", code=9)
    typed("setenv OPH_TERM_FORMAT=compact")
    assert "OPH JOB ID" not in typed("view")
    assert "stack" not in typed("view -s error").split("done")[0]
    assert "workflow bias" in typed("resume 1")
    found = typed(f"check -m {file} /data/INDIGO-FITS/fits-raw")
    assert "LRS.2016-06-06T20-31-06.fits" in found
    assert "105" not in typed("oph_explorecube limit_filter=2;")


def test_faults_of_a_workflow_are_all_shown(typed, tmp_path):
    flow = json.loads(json.dumps(FLOW))
    flow["tasks"][1]["operator"] = "oph_mergecube2"
    flow["tasks"][2]["dependencies"][0]["task"] = "stak"
    (tmp_path / "bad.json").write_text(json.dumps(flow))
    told = typed(f"check {tmp_path / 'bad.json'}", code=8)
    assert "did you mean 'oph_mergecubes2'" in told
    flow["tasks"][1]["operator"] = "oph_mergecubes2"
    (tmp_path / "bad.json").write_text(json.dumps(flow))
    told = typed(f"{tmp_path / 'bad.json'}", code=8)
    assert "there is no task 'stak'; did you mean 'stack'" in told


def test_ctrl_c_stops_a_workflow_and_not_the_terminal(typed, tmp_path, monkeypatch):
    tasks = [{"name": "w", "operator": "oph_wait", "arguments": ["timeout=60"]}]
    (tmp_path / "w.json").write_text(json.dumps({"name": "w", "tasks": tasks}))
    pressed = []

    def show(progress):
        # As soon as the task waits, however long a loaded machine takes to get there.
        if "w waiting" in progress.text and not pressed:
            pressed.append(time.monotonic())
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "show", show)
    told = typed(f"{tmp_path / 'w.json'}", code=9)
    assert time.monotonic() - pressed[0] < 30
    assert "stopping" in told
    assert "cancelled" in told
    assert typed("pdd") == "/\n"


def test_ctrl_c_ends_watch(typed, monkeypatch):
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(monitoring, "time", SimpleNamespace(sleep=sleep))
    told = typed("watch -n 0.3 pdd")
    assert pauses == [0.3, 0.3]
    assert told.count("every 0.3 s: pdd") == 2
    assert typed.shell.history == ["watch -n 0.3 pdd"]


# --- completion ------------------------------------------------------------------------------


def offered(typed, line):
    return [one.text for one in complete(typed.shell, line)]


OFFERED = [
    ("oph_mergecubes", "oph_mergecubes2 "),
    ("seten", "setenv "),
    ("l", "ll "),
    ("reduce", "oph_reduce2 "),
    ("oph_reduce2 ", "operation="),
    ("oph_reduce2 operation=quan", "quantile"),
    ("oph_reduce2 operation=quantile;or", "order="),
    ("oph_metadata mode=", "insert"),
    ("setenv OPH_TERM_V", "OPH_TERM_VIEWER="),
    ("setenv OPH_TERM_VIEWER=ex", "extended"),
    ("getenv OPH_C", "OPH_CWD"),
    ("help oph_me", "oph_metadata"),
    ("man oph_me", "oph_metadata"),
    ("oph_cubesize cube=$OPH_D", "OPH_DATACUBE"),
    ("oph_importfits src_path=[path=/data/IND", "INDIGO-FITS/"),
    ("oph_importfits src_path=/data/INDIGO-FITS/fits-raw/LRS.2016-06-06T20-30", None),
    ("oph_importfits src_path=[fi", "file="),
    ("cdd data/", "INDIGO-FITS/"),
    ("cd arch", "archive/"),
    ("watch -n 3 oph_li", "oph_list "),
]


def test_completion(typed):
    for line, expected in OFFERED:
        found = offered(typed, line)
        assert expected in found if expected else len(found) == 1, line


def test_completion_of_what_is_there(typed):
    typed(IMPORT)
    assert offered(typed, "oph_deletecontainer container=FI") == ["FITS2"]
    assert offered(typed, "rm FI") == ["FITS2"]
    assert typed.value("OPH_DATACUBE") in offered(typed, "oph_cubesize cube=http")
    assert "measure=" not in offered(typed, "oph_importfits measure=x;")


def test_completion_of_expressions(typed):
    line = "oph_apply query=where(measure > 3, oph_gsl_q"
    assert offered(typed, line) == ["oph_gsl_quantile("]
    assert offered(typed, "oph_apply query=meas") == ["measure"]
    assert "median_filter(" in offered(typed, "oph_apply query=measure - med")
    assert "oph_math(" in offered(typed, "oph_apply query=")
    assert offered(typed, "oph_apply query=oph_math(measure,'oph_ma") == []
    assert offered(typed, "oph_apply query=measure)") == []


def test_completion_never_fails(typed):
    for line in ("", "oph_none a=", "oph_list path=[[[", "./nowhere/x", "cdd ../", "$"):
        assert isinstance(offered(typed, line), list), line


def test_completion_leaves_no_jobs(typed):
    from polarnight.db.models import CubeJob

    typed("oph_folder command=mkdir;path=frames")
    typed("oph_createcontainer container=C;dim=x")
    before = CubeJob.objects.count()
    assert offered(typed, "cd fr") == ["frames/"]
    assert offered(typed, "cd /arch") == ["archive/"]
    assert offered(typed, "rm C") == ["C"]
    assert offered(typed, "oph_reduce2 cube=") == []
    assert offered(typed, "cd nowhere/") == []
    assert CubeJob.objects.count() == before
