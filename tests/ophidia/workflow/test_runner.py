"""Running workflows against a server of make-believe."""

import threading
import time

import pytest
from workflow_doubles import BASE, Server, failed, gather, grid, single, task

from polarnight.ophidia.answers.response import Response, Text
from polarnight.ophidia.state import State
from polarnight.ophidia.workflow import Hooks, Run, Status, parse_workflow


def statuses(run):
    return {one.id: one.status.removeprefix("OPH_STATUS_") for one in run.instances}


def test_a_chain_hands_its_cube_on():
    server = Server()
    run = server.run(
        task("import", "oph_importfits", "src_path=a.fits"),
        task("reduce", "oph_reduce2", "operation=max", after=[single("import")]),
        task("export", "oph_exportfits", after=[{"task": "reduce", "type": "single"}]),
    )
    assert run.status == Status.COMPLETED
    assert server.arguments("oph_reduce2") == [{"operation": "max", "cube": f"{BASE}/1/1"}]
    assert server.arguments("oph_exportfits") == [{"cube": f"{BASE}/1/2"}]
    assert run.state.cube == f"{BASE}/1/3"


def test_without_a_type_a_dependency_is_only_after():
    server = Server()
    run = server.run(
        task("a", "oph_importfits"), task("b", "oph_list", after=["a"]), state=State(cube="old")
    )
    assert run.status == Status.COMPLETED
    assert server.commands == ["oph_importfits", "oph_list"]
    assert [cube for _, cube, _ in server.states] == ["old", "old"]


def test_with_an_argument_a_dependency_takes_all_outputs_in_order():
    server = Server({"oph_importfits": lambda given, job: server.cube(count=3)})
    server.run(
        task("many", "oph_importfits"),
        task("one", "oph_randcube"),
        task(
            "merge", "oph_mergecubes2",
            after=[
                {"task": "many", "argument": "cubes", "order": 2},
                {"task": "one", "argument": "cubes", "order": 1},
            ],
        ),
        cores=1,
    )  # fmt: skip
    (merged,) = server.arguments("oph_mergecubes2")
    assert merged["cubes"].split("|") == [f"{BASE}/1/{n}" for n in (4, 1, 2, 3)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"filter": "2"}, [2]),
        ({"filter": "2:3"}, [2, 3]),
        ({"filter": "1,end"}, [1, 3]),
        ({"output_order": "3"}, [3]),
        ({"filter": "7"}, []),
    ],
)
def test_some_outputs_of_a_parent(fields, expected):
    server = Server({"oph_importfits": lambda given, job: server.cube(count=3)})
    server.run(
        task("many", "oph_importfits"),
        task("merge", "oph_mergecubes2", after=[gather("many", **fields)]),
    )
    (merged,) = server.arguments("oph_mergecubes2")
    found = [pid for pid in merged.get("cubes", "").split("|") if pid]
    assert found == [f"{BASE}/1/{n}" for n in expected]


def test_single_of_a_parent_with_several_outputs_fails_and_names_the_remedy():
    server = Server({"oph_importfits": lambda given, job: server.cube(count=2)})
    run = server.run(
        task("many", "oph_importfits"), task("reduce", "oph_reduce2", after=[single("many")])
    )
    assert run.status == Status.ERROR
    assert "'many' has 2 outputs" in run.error
    assert '"type": "all"' in run.error
    assert server.arguments("oph_reduce2") == []


def test_several_cubes_in_an_argument_for_one_are_done_one_by_one():
    server = Server({"oph_importfits": lambda given, job: server.cube(count=3)})
    run = server.run(
        task("many", "oph_importfits"),
        task("bias", "oph_randcube"),
        task(
            "subtract", "oph_intercube", "operation=sub",
            after=[gather("many", "cube"), single("bias", "cube2")],
        ),
        task("merge", "oph_mergecubes2", after=[gather("subtract")]),
        cores=1,
        hooks=Hooks(one_by_one=lambda operator: ("cube",) if operator == "oph_intercube" else ()),
    )  # fmt: skip
    assert run.status == Status.COMPLETED
    given = server.arguments("oph_intercube")
    assert [one["cube"][-1] for one in given] == ["1", "2", "3"]
    assert {one["cube2"] for one in given} == {f"{BASE}/1/4"}
    assert len(server.arguments("oph_mergecubes2")[0]["cubes"].split("|")) == 3


def test_a_container_can_be_handed_on():
    from polarnight.ophidia.answers.response import Response, Text

    made = Response([Text("createcontainer", "Output Container", f"{BASE}/9")])
    server = Server({"oph_createcontainer": lambda given, job: made})
    server.run(
        task("make", "oph_createcontainer", "container=x"),
        task(
            "look", "oph_list",
            after=[single("make", "container_filter", output_argument="container")],
        ),
    )  # fmt: skip
    assert server.arguments("oph_list") == [{"container_filter": f"{BASE}/9"}]


def test_independent_tasks_run_together_but_not_on_more_than_the_cores():
    for cores, expected in ((1, 1), (3, 3)):
        server = Server(seconds=0.05)
        server.run(*(task(f"t{n}", "oph_randcube") for n in range(9)), cores=cores)
        assert server.most_together == expected
        assert len(server.commands) == 9


def test_a_task_counts_with_its_cores():
    server = Server(seconds=0.05)
    server.run(*(task(f"t{n}", "oph_randcube", "ncores=2") for n in range(4)), cores=4)
    assert server.most_together == 2
    server = Server(seconds=0.02)
    run = server.run(*(task(f"t{n}", "oph_randcube") for n in range(3)), cores=1, ncores="3")
    assert server.most_together == 1
    assert {ncores for _, _, ncores in server.states} == {3}
    assert run.status == Status.COMPLETED


def test_a_child_without_a_cube_of_its_parent_does_not_get_an_older_one():
    from polarnight.ophidia.answers.response import Response

    server = Server({"oph_list": lambda given, job: Response()})
    server.run(
        task("a", "oph_list"),
        task("b", "oph_reduce2", after=[single("a")]),
        state=State(cube="old"),
    )
    assert [cube for text, cube, _ in server.states if text.startswith("oph_reduce2")] == [""]


# --- errors ----------------------------------------------------------------------------------


def errors(action, **fields):
    server = Server({"oph_reduce2": lambda given, job: failed()})
    run = server.run(
        task("import", "oph_importfits"),
        task("bad", "oph_reduce2", after=["import"], on_error=action),
        task("child", "oph_apply", after=["bad"]),
        task("grandchild", "oph_apply", after=["child"]),
        task("other", "oph_subset", after=["import"]),
        task("last", "oph_subset", after=["other"]),
        cores=1,
        **fields,
    )
    return server, run, statuses(run)


@pytest.mark.parametrize("action", ["break", "abort"])
def test_break_starts_no_more_tasks(action):
    _, run, found = errors(action)
    assert run.status == Status.ERROR
    assert run.code == 9
    assert "task 'bad' failed: no such file" in run.error
    assert found["import"] == "COMPLETED"
    assert found["bad"] == "ERROR"
    assert found["child"] == found["grandchild"] == found["last"] == "ABORTED"


def test_break_lets_running_tasks_finish():
    gone_on = threading.Event()

    def slow(given, job):
        time.sleep(0.1)
        gone_on.set()

    server = Server({"oph_subset": slow, "oph_reduce2": lambda given, job: failed()})
    run = server.run(task("slow", "oph_subset"), task("bad", "oph_reduce2"), cores=2)
    assert gone_on.is_set()
    assert statuses(run) == {"slow": "COMPLETED", "bad": "ERROR"}


def test_continue_leaves_out_children_only():
    _, run, found = errors("continue")
    assert run.status == Status.COMPLETED
    assert found["bad"] == "ERROR"
    assert found["child"] == found["grandchild"] == "ABORTED"
    assert found["other"] == found["last"] == "COMPLETED"


def test_skip_runs_children():
    _, run, found = errors("skip")
    assert run.status == Status.COMPLETED
    assert found["bad"] == "SKIPPED"
    assert found["child"] == found["grandchild"] == "COMPLETED"


def test_on_error_of_the_workflow_is_the_default():
    server = Server({"oph_reduce2": lambda given, job: failed()})
    run = server.run(
        task("bad", "oph_reduce2"), task("after", "oph_apply", after=["bad"]), on_error="skip"
    )
    assert statuses(run) == {"bad": "SKIPPED", "after": "COMPLETED"}


def test_repeat_tries_again_until_it_works():
    tries = []

    def now_and_then(given, job):
        tries.append(time.monotonic())
        return failed() if len(tries) < 3 else None

    server = Server({"oph_reduce2": now_and_then})
    run = server.run(task("t", "oph_reduce2", on_error="repeat 4 0.05"))
    assert run.status == Status.COMPLETED
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 0.05
    tries.clear()
    run = server.run(task("t", "oph_reduce2", on_error="repeat 1"))
    assert run.status == Status.ERROR
    assert len(tries) == 2


def test_a_fault_in_the_server_ends_the_task_and_not_the_run(caplog):
    def fault(given, job):
        raise ZeroDivisionError("by zero")

    run = Server({"oph_reduce2": fault}).run(task("t", "oph_reduce2"))
    assert run.status == Status.ERROR
    assert "ZeroDivisionError: by zero" in run.error
    assert "fault of Polarnight" in run.error


def test_cubes_that_should_not_stay_are_removed_when_all_went_well():
    server = Server({"oph_list": lambda given, job: failed() if given.get("fail") else None})
    tasks = [
        task("a", "oph_randcube", on_exit="oph_delete"),
        task("b", "oph_reduce2", after=[single("a")]),
    ]
    run = server.run(*tasks)
    assert server.arguments("oph_delete") == [{"cube": f"{BASE}/1/1"}]
    assert run.status == Status.COMPLETED
    server.commands.clear()
    server.run(*tasks, task("c", "oph_list", "fail=yes", after=["b"]))
    assert server.arguments("oph_delete") == []


# --- loops -----------------------------------------------------------------------------------


def loop(*, parallel, values="B|V|R", after=(), inside=()):
    return [
        task("for", "oph_for", "key=flt", f"values={values}", f"parallel={parallel}", after=after),
        task("flat", "oph_mergecubes2", "dim=@{flt}", "description=&flt", after=["for"]),
        task("median", "oph_reduce2", "dim=@flt", after=[single("flat"), *inside]),
        task("end", "oph_endfor", after=[gather("median", "cube")]),
        task("all", "oph_intercube2", after=[gather("end")]),
    ]


@pytest.mark.parametrize("parallel", ["yes", "no"])
def test_a_loop_runs_its_body_for_every_value_and_gathers_in_order(parallel):
    server = Server()
    run = server.run(*loop(parallel=parallel), cores=3)
    assert run.status == Status.COMPLETED
    flats = {one["dim"]: one["description"] for one in server.arguments("oph_mergecubes2")}
    assert flats == {"B": "1", "V": "2", "R": "3"}
    by_turn = [run.plan.instances[f"median[{n}]"].outcome.outputs["cube"][0] for n in (1, 2, 3)]
    assert server.arguments("oph_intercube2") == [{"cubes": "|".join(by_turn)}]


def test_turns_follow_each_other_unless_parallel():
    server = Server(seconds=0.03)
    server.run(*loop(parallel="no"), cores=3)
    assert server.most_together == 1
    assert [one["dim"] for one in server.arguments("oph_reduce2")] == ["B", "V", "R"]
    server = Server(seconds=0.03)
    server.run(*loop(parallel="yes"), cores=3)
    assert server.most_together == 3


def test_a_task_of_a_loop_can_use_cubes_from_outside():
    # A PID of its own: tasks beside it may make their cubes first.
    bias = Response([Text("made", "Output Cube", f"{BASE}/9/9")])
    server = Server({"oph_randcube": lambda arguments, job: bias})
    server.run(
        task("bias", "oph_randcube"),
        *loop(parallel="yes", inside=[single("bias", "cube2")]),
    )
    assert {one["cube2"] for one in server.arguments("oph_reduce2")} == {f"{BASE}/9/9"}


def test_loops_may_be_nested():
    server = Server()
    run = server.run(
        task("outer", "oph_for", "key=a", "values=x|y", "parallel=yes"),
        task("inner", "oph_for", "key=b", "counter=5:7", after=["outer"]),
        task("body", "oph_reduce2", "dim=@{a}@{b}", "order=&b", "group_size=@a_size",
             after=["inner"]),
        task("end inner", "oph_endfor", after=[gather("body", "cube")]),
        task("merge", "oph_mergecubes", after=[gather("end inner")]),
        task("end outer", "oph_endfor", after=[gather("merge", "cube")]),
        task("last", "oph_mergecubes2", after=[gather("end outer")]),
    )  # fmt: skip
    assert run.status == Status.COMPLETED
    dims = sorted(one["dim"] for one in server.arguments("oph_reduce2"))
    assert dims == ["x5", "x6", "x7", "y5", "y6", "y7"]
    assert {one["group_size"] for one in server.arguments("oph_reduce2")} == {"2"}
    assert [len(one["cubes"].split("|")) for one in server.arguments("oph_mergecubes")] == [3, 3]
    assert len(server.arguments("oph_mergecubes2")[0]["cubes"].split("|")) == 2


def test_a_loop_over_nothing_runs_nothing():
    empty = grid("Searching results", ["Datacube", "Key", "Value"], [])
    server = Server({"oph_search": lambda given, job: empty})
    run = server.run(
        task("find", "oph_search"),
        *loop(parallel="yes", values="search.Searching results.Datacube", after=["find"])[:4],
    )
    assert run.status == Status.COMPLETED
    assert statuses(run) == {"find": "COMPLETED", "for": "COMPLETED", "end": "COMPLETED"}


def test_a_loop_over_the_column_of_a_response():
    rows = [["pid/1/7", "FLT_ID", "B"], ["pid/1/8", "FLT_ID", "B;evil=1"]]
    found = grid("Searching results", ["Datacube", "Key", "Value"], rows)
    server = Server({"oph_search": lambda given, job: found})
    run = server.run(
        task("find", "oph_search"),
        task("for", "oph_for", "key=pid", "values=search.Searching results.Value", after=["find"]),
        task("t", "oph_reduce2", "dim=@pid", after=["for"]),
        task("end", "oph_endfor", after=["t"]),
    )
    assert run.status == Status.COMPLETED
    # What comes out of headers cannot add arguments.
    assert server.arguments("oph_reduce2") == [{"dim": "B"}, {"dim": "B;evil=1"}]


def test_lists_of_different_lengths_are_refused():
    run = Server().run(
        task("for", "oph_for", "key=a", "values=1|2", "counter=1:3"),
        task("end", "oph_endfor", after=["for"]),
    )
    assert run.status == Status.ERROR
    assert "values has 2 entries and counter 3" in run.error


# --- branches --------------------------------------------------------------------------------


def choice(condition, other="0", forward="no"):
    return [
        task("in", "oph_importfits"),
        task("if", "oph_if", f"condition={condition}", f"forward={forward}", after=[single("in")]),
        task("yes", "oph_reduce2", after=[single("if")]),
        task("elseif", "oph_elseif", f"condition={other}", after=["if"]),
        task("maybe", "oph_apply", after=["elseif"]),
        task("else", "oph_else", after=["elseif"]),
        task("no", "oph_subset", after=["else"]),
        task("no 2", "oph_subset", after=["no"]),
        task(
            "endif", "oph_endif",
            after=[gather("yes", "cube"), gather("maybe", "cube"), gather("no 2", "cube")],
        ),
        task("after", "oph_exportfits", after=[single("endif")]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "other", "chosen"),
    [
        ("2 > 1", "1", {"yes"}),
        ("(3-1)/2 == 2", "1", {"maybe"}),
        ("0", "0", {"no", "no 2"}),
    ],
)
def test_one_branch_is_chosen(condition, other, chosen):
    server = Server()
    run = server.run(*choice(condition, other))
    assert run.status == Status.COMPLETED
    found = statuses(run)
    for name in ("yes", "maybe", "no", "no 2"):
        assert found[name] == ("COMPLETED" if name in chosen else "UNSELECTED"), name
    assert found["endif"] == found["after"] == "COMPLETED"
    last = run.plan.instances[max(chosen)].outcome.outputs["cube"]
    assert server.arguments("oph_exportfits") == [{"cube": last[0]}]


def test_a_condition_can_look_into_a_response():
    size = grid("Cube Size", ["CUBE SIZE", "UNIT"], [["12.5", "MB"]], key="cubesize")
    server = Server({"oph_cubesize": lambda given, job: size})
    tasks = [
        task("size", "oph_cubesize"),
        task("set", "oph_set", "key=mb", "value=cubesize.Cube Size(1,1)", after=["size"]),
        task("if", "oph_if", "condition=@mb > 10", after=["set"]),
        task("big", "oph_subset", after=["if"]),
        task("endif", "oph_endif", after=["big"]),
    ]
    assert statuses(server.run(*tasks))["big"] == "COMPLETED"
    tasks[2]["arguments"] = ["condition=@mb > 20"]
    assert statuses(server.run(*tasks))["big"] == "UNSELECTED"


def test_a_condition_that_is_none_is_an_error_that_names_the_task():
    run = Server().run(*choice("__import__('os')"))
    assert run.status == Status.ERROR
    assert "task 'if'" in run.error
    assert "__import__" in run.error


def test_forward_hands_on_what_came_in_where_nothing_was_chosen():
    for forward, expected in (("yes", [{"cube": f"{BASE}/1/1"}]), ("no", [{}])):
        server = Server()
        server.run(
            task("in", "oph_importfits"),
            task("if", "oph_if", "condition=0", f"forward={forward}", after=[single("in")]),
            task("t", "oph_reduce2", after=[single("if")]),
            task("endif", "oph_endif", after=[gather("t", "cube")]),
            task("after", "oph_exportfits", after=[single("endif")]),
        )
        assert server.arguments("oph_exportfits") == expected


def test_choices_inside_loops():
    server = Server()
    run = server.run(
        task("for", "oph_for", "key=n", "counter=1:4", "parallel=yes"),
        task("if", "oph_if", "condition=@n % 2 == 0", after=["for"]),
        task("even", "oph_reduce2", "dim=@n", after=["if"]),
        task("else", "oph_else", after=["if"]),
        task("odd", "oph_apply", "query=@n", after=["else"]),
        task("endif", "oph_endif", after=["even", "odd"]),
        task("end", "oph_endfor", after=["endif"]),
        task("all", "oph_mergecubes", after=[gather("end")]),
    )
    assert run.status == Status.COMPLETED
    assert sorted(one["dim"] for one in server.arguments("oph_reduce2")) == ["2", "4"]
    assert sorted(one["query"] for one in server.arguments("oph_apply")) == ["1", "3"]
    assert len(server.arguments("oph_mergecubes")[0]["cubes"].split("|")) == 4


# --- variables -------------------------------------------------------------------------------


def test_variables_are_set_and_used():
    server = Server()
    run = server.run(
        task("set", "oph_set", "key=n", "value=EVAL(10/2+sqrt(4))"),
        task("two", "oph_set", "key=a|b", "value=x|y", after=["set"]),
        task("list", "oph_set", "key=many", "value=p|q|r", after=["set"]),
        task("runs", "oph_set", "key=runs", "value=1|2|3|7", "subset_filter=yes", after=["set"]),
        task(
            "t", "oph_apply", "query=@n,@{a}@{b}", "description=@many_size @OPH_WORKFLOW_ID @LOCAL",
            "measure=@runs", "dim_query=mail@example.org", after=["two", "list", "runs"],
            variables=[{"name": "LOCAL", "value": "mine"}],
        ),
        hooks=Hooks(workflow_id=17),
    )  # fmt: skip
    assert run.status == Status.COMPLETED
    assert server.arguments("oph_apply") == [
        {
            "query": "7,xy", "description": "3 17 mine", "measure": "1:3,7",
            "dim_query": "mail@example.org",
        }
    ]  # fmt: skip


def test_turns_side_by_side_have_their_own_variables():
    server = Server(seconds=0.01)
    server.run(
        task("for", "oph_for", "key=f", "values=B|V|R", "parallel=yes"),
        task("set", "oph_set", "key=own", "value=@{f}_JOHN", after=["for"]),
        task("t", "oph_reduce2", "dim=@own", "description=@f", after=["set"]),
        task("end", "oph_endfor", after=["t"]),
        cores=3,
    )
    found = server.arguments("oph_reduce2")
    assert len(found) == 3
    assert all(one["dim"] == one["description"] + "_JOHN" for one in found)


def test_turns_that_follow_each_other_share_their_variables():
    server = Server()
    server.run(
        task("start", "oph_set", "key=n", "value=1"),
        task("for", "oph_for", "key=f", "values=a|b|c", after=["start"]),
        task("twice", "oph_set", "key=n", "value=EVAL(2*@n)", after=["for"]),
        task("end", "oph_endfor", after=["twice"]),
        task("t", "oph_reduce2", "dim=@n", after=["end"]),
    )
    assert server.arguments("oph_reduce2") == [{"dim": "8"}]


def test_positions_are_filled_before_anything_is_read():
    server = Server()
    run = server.run(
        task("t", "oph_apply", "query=$1", "measure=${2}", "description=a$3b"),
        given=['say "hi"', "x\\y"],
    )
    assert server.arguments("oph_apply") == [
        {"query": 'say "hi"', "measure": "x\\y", "description": "ab"}
    ]
    assert any("$3" in warning for warning in run.warnings)


# --- waiting ---------------------------------------------------------------------------------


def in_background(server, *tasks, **options):
    flow = parse_workflow({"name": "test", "tasks": list(tasks)})
    run = Run(flow, server.submit, None, 2, options.get("hooks"))
    thread = threading.Thread(target=run.execute, daemon=True)
    thread.start()
    return run, thread


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_waiting_for_an_answer_holds_its_children_alone():
    server = Server()
    run, thread = in_background(
        server,
        task("ask", "oph_wait", "type=input", "key=order", "message=which order?"),
        task("t", "oph_reduce2", "order=@order", after=["ask"]),
        task("other", "oph_subset"),
    )
    until(lambda: server.arguments("oph_subset") and run._waiters)
    assert statuses(run)["ask"] == "WAITING"
    assert not server.arguments("oph_reduce2")
    run.provide("ask", "continue", {"order": "0.5"})
    thread.join(10)
    assert server.arguments("oph_reduce2") == [{"order": "0.5"}]
    assert any("which order?" in warning for warning in run.warnings)


def test_an_answer_can_abort():
    run, thread = in_background(Server(), task("ask", "oph_wait", "type=input"))
    until(lambda: run._waiters)
    run.provide("Task 0", "abort", {})
    thread.join(10)
    assert run.status == Status.ERROR
    assert "aborted" in run.error


def test_waiting_for_a_time():
    begin = time.monotonic()
    run = Server().run(task("w", "oph_wait", "timeout=0.3"), task("t", "oph_list", after=["w"]))
    assert run.status == Status.COMPLETED
    assert time.monotonic() - begin >= 0.3


def test_waiting_for_a_file(tmp_path):
    server = Server()
    hooks = Hooks(find_file=lambda name: tmp_path / name)
    tasks = [
        task("w", "oph_wait", "type=file", "filename=new.fits"),
        task("t", "oph_list", after=["w"]),
    ]
    run, thread = in_background(server, *tasks, hooks=hooks)
    until(lambda: run._waiters)
    assert not server.commands
    (tmp_path / "new.fits").write_text("x")
    thread.join(10)
    assert run.status == Status.COMPLETED
    assert server.commands == ["oph_list"]


def test_a_file_that_does_not_come_in_time(tmp_path):
    hooks = Hooks(find_file=lambda name: tmp_path / name)
    run = Server().run(
        task("w", "oph_wait", "type=file", "filename=never.fits", "timeout=0.1"), hooks=hooks
    )
    assert run.status == Status.ERROR
    assert "never.fits" in run.error


# --- dry runs and stopping -------------------------------------------------------------------


def test_a_dry_run_submits_nothing_and_shows_everything():
    server = Server()
    run = server.run(*loop(parallel="yes"), run="no")
    assert server.commands == []
    assert run.status == Status.COMPLETED
    commands = [text for one in run.instances for text in one.commands]
    assert "oph_reduce2 dim=V;cube=<output of flat[2]>;" in commands
    assert len(commands) == 7


def test_a_task_that_is_not_to_run():
    server = Server()
    run = server.run(task("a", "oph_apply", run="no"), task("b", "oph_list", after=["a"]))
    assert server.commands == ["oph_list"]
    assert run.status == Status.COMPLETED


@pytest.mark.parametrize("kind", ["kill", "abort", "stop"])
def test_a_run_can_be_cancelled(kind):
    began, told = threading.Event(), threading.Event()

    def long(given, job):
        began.set()
        if kind == "kill":
            assert job.cancelled.wait(10)
            return failed("stopped")
        assert told.wait(10)
        return None

    server = Server({"oph_reduce2": long})
    flow = parse_workflow(
        {
            "name": "x",
            "tasks": [task("a", "oph_reduce2"), task("b", "oph_subset", after=["a"])],
        }
    )
    run = Run(flow, server.submit)
    thread = threading.Thread(target=run.execute, daemon=True)
    thread.start()
    assert began.wait(10)
    run.cancel(kind)
    told.set()
    thread.join(10)
    assert not thread.is_alive()
    assert statuses(run)["b"] in {"ABORTED", "COMPLETED"}
    if kind == "kill":
        assert run.status == Status.ABORTED
        assert statuses(run)["b"] == "ABORTED"
    assert "cancelled" in run.error


def test_progress_grows_and_ends_at_one():
    seen = []
    hooks = Hooks(changed=lambda run, one: seen.append(run.progress()))
    Server().run(*(task(f"t{n}", "oph_list") for n in range(4)), hooks=hooks, cores=1)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
