"""What is said about workflows that are wrong, and what is read of those that are right."""

import copy
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workflow_doubles import Server, gather, single, task

from polarnight.ophidia.workflow import InvalidWorkflow, OnError, Run, Workflow, parse_workflow
from polarnight.ophidia.workflow.serving.requests import arguments_of
from polarnight.ophidia.workflow.text.document import read_json, read_text
from polarnight.ophidia.workflow.text.positions import counter_values, positions_of, subset_text


def flow(*tasks, **fields):
    return {"name": "x", **fields, "tasks": list(tasks)}


def faults(document, arguments=()):
    with pytest.raises(InvalidWorkflow) as caught:
        parse_workflow(document, arguments, arguments_of)
    assert caught.value.code == 8
    return caught.value.faults


def test_comments_and_trailing_commas():
    read = read_json(
        '{ // a remark with "quotes"\n "name": "http://x//y", /* and\n more */ "tasks": [1, 2,], }'
    )
    assert read == {"name": "http://x//y", "tasks": [1, 2]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1"),
        ('{"name": "x",\n "tasks": [}', "line 2"),
        ("[]", "one JSON object"),
        ('{"a": 1, "a": 2}', "given twice"),
        ("{ /* no end", "line 1 has no end"),
        ('{"name": ' + "[" * 100000, "no JSON"),
        ('{"name": ' + "[" * 80 + "]" * 80 + "}", "nested"),
        ('{"name": NaN, "tasks": []}', "tasks"),
    ],
)
def test_texts_that_are_no_workflow(text, told):
    assert told in " ".join(faults(text))


GOOD = flow(
    task("in", "oph_importfits", "src_path=a.fits"),
    task("reduce", "oph_reduce2", "operation=max", after=[single("in")]),
)


def changed(place, value):
    document = copy.deepcopy(GOOD)
    at = document
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return document


T = "tasks"


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("name",), "", '"name" is missing'),
        (("nmae",), "x", "did you mean 'name'"),
        (("on_error",), "skpi", "did you mean 'skip'"),
        (("on_error",), "repeat", "repeat N"),
        (("on_error",), "repeat -1", "repeat N"),
        (("on_error",), "repeat 2 1 cubic", "repeat N"),
        (("on_exit",), "oph_delet", "did you mean 'oph_delete'"),
        (("run",), "maybe", "yes, no"),
        (("ncores",), "two", "not a number"),
        (("exec_mode",), "later", "sync, async"),
        ((T,), [], "at least one task"),
        ((T,), {}, "at least one task"),
        ((T, 0), "x", "task 1 is no object"),
        ((T, 0, "name"), "", '"name" is missing'),
        ((T, 0, "operator"), "", '"operator" is missing'),
        ((T, 0, "operator"), "oph_importfit", "did you mean 'oph_importfits'"),
        ((T, 0, "type"), "grid", "ophidia"),
        ((T, 0, "opreator"), "x", "did you mean 'operator'"),
        ((T, 0, "arguments"), "a=b", "must be a list"),
        ((T, 0, "arguments"), ["a"], "key=value"),
        ((T, 0, "arguments"), ["a=1", "a=2"], "given twice"),
        ((T, 0, "variables"), ["a"], "name=value"),
        ((T, 1, "name"), "in", "2 tasks are called 'in'"),
        ((T, 1, "dependencies"), "in", "must be a list"),
        ((T, 1, "dependencies", 0), 7, "no object"),
        ((T, 1, "dependencies", 0, "task"), "inn", "there is no task 'inn'; did you mean 'in'"),
        ((T, 1, "dependencies", 0, "type"), "sinlge", "did you mean 'single'"),
        ((T, 1, "dependencies", 0, "order"), "first", "whole number"),
        ((T, 1, "dependencies", 0, "filter"), "some", "positions"),
        ((T, 1, "arguments", 0), "operation=@opp", "no task sets @opp"),
        ((T, 1, "arguments", 0), "operation=@{OPH_USR}", "did you mean 'OPH_USER'"),
    ],
)
def test_every_fault_names_its_place(place, value, told):
    found = " ".join(faults(changed(place, value)))
    assert told in found


def test_all_faults_are_told_at_once():
    document = changed(("tasks", 0, "operator"), "oph_none")
    document["on_exit"] = "x"
    document["tasks"][1]["type"] = "y"
    assert len(faults(document)) == 3


def test_arguments_that_an_operator_does_not_have_are_warned_of():
    document = changed(("tasks", 1, "arguments"), ["operaton=max", "operation=max"])
    read = parse_workflow(document, (), arguments_of)
    assert any("did you mean 'operation'" in warning for warning in read.warnings)


def test_cycles_are_shown():
    tasks = [
        task("a", "oph_list", after=["c"]), task("b", "oph_list", after=["a"]),
        task("c", "oph_list", after=["b", "free"]), task("free", "oph_list"),
    ]  # fmt: skip
    assert faults(flow(*tasks)) == (
        "the tasks wait for each other in a circle: 'a' -> 'b' -> 'c' -> 'a'",
    )
    assert "'a' -> 'a'" in faults(flow(task("a", "oph_list", after=["a"])))[0]


FOR = task("for", "oph_for", "key=k", "values=1|2")


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([FOR], "has no oph_endfor"),
        ([task("end", "oph_endfor")], "follows no open oph_for"),
        ([task("end", "oph_endif", after=["if"]), task("if", "oph_if")][1:], "has no oph_endif"),
        (
            [FOR, task("f2", "oph_for", "key=j"), task("end", "oph_endfor", after=["for", "f2"])],
            "ends both 'for' and 'f2'",
        ),
        ([task("else", "oph_else")], "must depend on the oph_if"),
        (
            [
                FOR, task("t", "oph_list", after=["for"]), task("end", "oph_endfor", after=["t"]),
                task("out", "oph_list", after=["t", "end"]),
            ],
            "make it depend on 'end'",
        ),
        (
            [
                FOR, task("f2", "oph_for", "key=k", after=["for"]),
                task("e2", "oph_endfor", after=["f2"]), task("end", "oph_endfor", after=["e2"]),
            ],
            "has the key 'k' already",
        ),
        (
            [
                task("if", "oph_if"), FOR | {"dependencies": [{"task": "if"}]},
                task("t", "oph_list", after=["for"]), task("endif", "oph_endif", after=["t"]),
                task("end", "oph_endfor", after=["endif"]),
            ],
            "overlap",
        ),
        (
            [
                task("if", "oph_if"), task("a", "oph_list", after=["if"]),
                task("e1", "oph_else", after=["if"]), task("e2", "oph_else", after=["if"]),
                task("endif", "oph_endif", after=["a", "e1", "e2"]),
            ],
            "one chain",
        ),
    ],
)  # fmt: skip
def test_loops_and_branches_that_make_no_sense(tasks, told):
    assert told in " ".join(faults(flow(*tasks)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("skip", OnError("skip")),
        ("abort", OnError("break")),
        ("repeat 3", OnError("break", 3)),
        ("repeat 3 10 exponential", OnError("break", 3, 10.0, "exponential")),
    ],
)
def test_on_error(text, expected):
    read = parse_workflow(flow(task("a", "oph_list", on_error=text)))
    assert read.tasks[0].on_error == expected


def test_pauses_grow():
    assert [OnError("break", 3, 2, "linear").pause(n) for n in (1, 2, 3)] == [2, 4, 6]
    assert [OnError("break", 3, 2, "exponential").pause(n) for n in (1, 2, 3)] == [2, 4, 8]
    assert OnError("break", 3, 2, "exponential").pause(5000) == 86400


def test_types_of_dependencies():
    document = flow(
        task("a", "oph_list"),
        task("b", "oph_list", after=["a", {"task": "a", "argument": "cubes"}, single("a")]),
    )
    kinds = [(one.type, one.argument) for one in parse_workflow(document).tasks[1].dependencies]
    assert kinds == [("embedded", ""), ("all", "cubes"), ("single", "cube")]


def test_numbers_are_taken_for_texts():
    read = parse_workflow(flow(task("a", "oph_list"), ncores=4, run=False))
    assert read.defaults["ncores"] == "4"
    assert read.run is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", [0, 1, 2, 3]), ("2", [1]), ("2:3", [1, 2]), ("1:2:4", [0, 2]), ("1,4", [0, 3]),
        ("2:end", [1, 2, 3]), ("9", []), ("0", None), ("x", None), ("1:", None), ("", None),
        ("1:2:3:4", None), ("-1", None),
    ],
)  # fmt: skip
def test_positions(text, expected):
    assert positions_of(text, 4) == expected


def test_counters():
    assert counter_values("1:3") == [1, 2, 3]
    assert counter_values("0:5:12,20") == [0, 5, 10, 20]
    assert counter_values("-2:0") == [-2, -1, 0]
    for wrong in ("", "a", "1:0:3", "1:999999999", "1:2:3:4"):
        assert counter_values(wrong) is None


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30, unique=True).map(sorted))
def test_subsets_name_the_same_numbers(numbers):
    text = subset_text(numbers)
    assert positions_of(text, 40) == [number - 1 for number in numbers]


# --- anything that people may write ----------------------------------------------------------

_RICH = flow(
    task("in", "oph_importfits", "src_path=$1"),
    task("for", "oph_for", "key=k", "values=1|2|3", "parallel=yes", after=["in"]),
    task("if", "oph_if", "condition=@k > 1", after=["for"]),
    task("t", "oph_reduce2", "operation=max", "dim=@{k}", after=["if", single("in")]),
    task("else", "oph_else", after=["if"]),
    task("u", "oph_subset", "subset_filter=&k", after=["else"]),
    task("endif", "oph_endif", after=[gather("t", "cube"), gather("u", "cube")]),
    task("end", "oph_endfor", after=[gather("endif", "cube")]),
    task("merge", "oph_mergecubes2", "dim=z", after=[gather("end")]),
    on_error="skip",
)
_ODD = [
    "", None, 0, -1, True, [], {}, "x", "@", "@{", "@{}", "&k", "$", "\x00", "oph_for",
    "oph_endif", "for", "in", "end", "a=b;c=d", "[[", "repeat 1", "all", [[]], {"task": "in"},
    "=", "condition=1/0", "values=search.x(1,1)", "key=@k", "counter=9:1", "\u202e", "9" * 400,
]  # fmt: skip


def _spots(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from _spots(inner, (*path, key))


def _mangled(seed):
    """Change a good workflow in a few places."""
    chance = random.Random(seed)
    document = copy.deepcopy(_RICH)
    for _ in range(chance.randint(1, 3)):
        place = document
        for key in chance.choice(list(_spots(document))):
            place = place[key]
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            continue
        key = chance.choice(keys)
        action = chance.random()
        if action < 0.25:
            del place[key]
        elif action < 0.35 and isinstance(place, list):
            place.append(copy.deepcopy(place[key]))
        else:
            place[key] = chance.choice(_ODD)
    return document


def read_or_faults(document):
    try:
        return parse_workflow(document, ["a.fits"], arguments_of)
    except InvalidWorkflow as error:
        return error.faults


def test_a_thousand_mangled_workflows_run_or_are_refused_clearly():
    refused = ran = 0
    for seed in range(1000):
        document = _mangled(seed)
        read = read_or_faults(document)
        if not isinstance(read, Workflow):
            refused += 1
            assert read, seed
            assert all(fault.strip() for fault in read), seed
            continue
        run = Run(read, Server().submit, None, 4).execute()
        ran += 1
        assert all(one.ended for one in run.instances), seed
        assert "fault of Polarnight" not in run.error, (seed, run.error)
        assert bool(run.error) == (run.status != "OPH_STATUS_COMPLETED"), seed
    assert refused > 300
    assert ran > 50


@settings(max_examples=100)
@given(st.text(alphabet='{}[]":,/*\\ \n1atruef', max_size=80))
def test_texts_of_all_kinds_are_refused(text):
    with pytest.raises(InvalidWorkflow):
        parse_workflow(text)


def test_names_and_json_of_a_workflow_can_be_kept():
    read = parse_workflow(_RICH, ["a.fits"])
    again = parse_workflow(json.loads(json.dumps(read.source)))
    assert again.tasks == read.tasks


@pytest.mark.parametrize("content", [b"\xff\xfe{}", None])
def test_files_that_are_no_text_of_a_workflow(tmp_path, content):
    path = tmp_path / "w.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidWorkflow, match="the file cannot be read"):
        read_text(path)


def test_a_file_without_end_is_not_read(tmp_path):
    # A link to a device has no size, and no end.
    (tmp_path / "w.json").symlink_to("/dev/zero")
    with pytest.raises(InvalidWorkflow, match="larger than"):
        read_text(tmp_path / "w.json")
    with pytest.raises(InvalidWorkflow, match="cannot be read"):
        read_text("~nobody-of-that-name/w.json")


# --- what nobody gave ------------------------------------------------------------------------

OPEN = flow(
    task("in", "oph_importfits", "src_path=[path=$1;file=*.fits]", "container=${2}"),
    task("out", "oph_exportfits", "output_name=${3:-final}", after=["in"]),
    abstract="costs $5",
)


def test_what_is_missing_is_named_with_its_remedy():
    with pytest.raises(InvalidWorkflow) as caught:
        parse_workflow(OPEN, ["/night"], arguments_of, complete=True)
    (told,) = caught.value.faults
    assert told.startswith("task 'in', arguments: $2 in 'container=${2}' was not given")
    assert "give 2 arguments behind the workflow, or write ${2:-...}" in told


def test_what_has_a_default_and_prose_are_not_missing():
    read = parse_workflow(OPEN, ["/night", "C"], arguments_of, complete=True)
    assert read.tasks[1].argument("output_name") == "final"
    assert read.abstract == "costs $5"
    given = parse_workflow(OPEN, ["/night", "", "mine"], arguments_of, complete=True)
    assert given.tasks[0].argument("container") == ""
    assert given.tasks[1].argument("output_name") == "mine"


def test_looking_at_a_workflow_only_warns():
    read = parse_workflow(OPEN, (), arguments_of)
    assert [one.partition(" was not")[0].partition(": ")[2] for one in read.warnings] == [
        "$1 in 'src_path=[path=$1;file=*.fits]'", "$2 in 'container=${2}'",
    ]  # fmt: skip


def test_what_is_kept_is_not_filled_again():
    read = parse_workflow(flow(task("a", "oph_list", "path=$1")), ["$2"], complete=True)
    again = parse_workflow(read.source, None, complete=True)
    assert again.tasks[0].argument("path") == "$2"


# --- loops without end -----------------------------------------------------------------------


def nested(depth, turns=100, **first):
    """Return tasks of loops inside loops around one task."""
    tasks = [
        task(f"for{n}", "oph_for", f"key=k{n}", f"counter=1:{turns}",
             after=[f"for{n - 1}"] if n else [])
        for n in range(depth)
    ]  # fmt: skip
    tasks.append(task("work", "oph_list", after=[f"for{depth - 1}"]))
    for n in reversed(range(depth)):
        tasks.append(task(f"end{n}", "oph_endfor", after=[tasks[-1]["name"]]))
    return tasks


def test_loops_in_loops_are_counted_before_they_run():
    (told,) = faults(flow(*nested(6)))
    assert told.startswith("its loops make 1020202020202 tasks ('for0': 100 turns, ")
    assert "at most 100000 run as one workflow" in told
    assert "cubes.workflow_tasks" in told
    assert len(parse_workflow(flow(*nested(2))).tasks) == 5
    with pytest.raises(InvalidWorkflow, match=r"make 10202 tasks .* at most 10201"):
        parse_workflow(flow(*nested(2)), most=10201)
    assert parse_workflow(flow(*nested(2)), most=10202).name == "x"


def test_loops_in_a_branch_may_never_turn():
    tasks = nested(6)
    tasks[0]["dependencies"] = [{"task": "if"}]
    ends = [task("if", "oph_if", "condition=0"), task("fi", "oph_endif", after=["end0"])]
    assert parse_workflow(flow(*ends, *tasks)).name == "x"


def test_loops_over_results_are_stopped_where_they_begin():
    # Variables hide how often they turn.
    tasks = nested(6, turns="@n")
    tasks.insert(0, task("set", "oph_set", "key=n", "value=100"))
    tasks[1]["dependencies"] = [{"task": "set"}]
    server = Server()
    run = Run(parse_workflow(flow(*tasks)), server.submit, most=500).execute()
    assert "task 'for2[1.1]': with its 100 turns the workflow has 603 tasks" in run.error
    assert "at most 500 run as one" in run.error
    assert len(run.instances) == 403
    assert server.commands == []


@pytest.mark.parametrize("text", ["1:9", "0:2:8", "1,5", "9:1", "3,1:4,7", "-2:3"])
def test_lengths_of_counters(text):
    from polarnight.ophidia.workflow.text.positions import counter_length

    assert counter_length(text) == len(counter_values(text))
    assert counter_length("1:999999999") == 999_999_999
