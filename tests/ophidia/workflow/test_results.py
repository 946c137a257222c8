"""Values inside responses, and what a task has made."""

import pytest

from polarnight.ophidia.answers.response import Grid, Response, Text
from polarnight.ophidia.workflow.running.results import look_up, outcome_of

ROWS = [["p/1/7", "FLT_ID", "B"], ["p/1/8", "FLT_ID", "V"]]
TOLD = Response(
    [
        Grid("search", "Searching results", ["Datacube", "Key", "Value"], ROWS),
        Grid("size", "Cube v1.5", ["CUBE SIZE", "UNIT"], [["12.5", "MB"]]),
        Text("made", "Output Cube", "p/1/9"),
    ]
).as_dict()


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("search.Searching results.Datacube", ["p/1/7", "p/1/8"]),
        ("SEARCH.searching RESULTS.value", ["B", "V"]),
        ("Searching results.Key", ["FLT_ID", "FLT_ID"]),
        ("Searching results(2,3)", ["V"]),
        ("Searching results(2,Value)", ["V"]),
        ("search.Searching results(*,1)", ["p/1/7", "p/1/8"]),
        ("search.Searching results.Value(1)", ["B"]),
        ("search(end,1)", ["p/1/8"]),
        ("size.Cube v1.5.CUBE SIZE", ["12.5"]),
        ("Cube v1.5(1,2)", ["MB"]),
        ("made.Output Cube", ["p/1/9"]),
        ("Output Cube", ["p/1/9"]),
        ("search.Searching results(9,1)", []),
        ("search.Searching results.Nothing", None),
        ("search.Searching results(1,9)", None),
        ("B_JOHN_10", None),
        ("searching", None),
        ("SUCCESS", None),
        ("", None),
    ],
)
def test_pointers(pointer, expected):
    assert look_up(pointer, [TOLD]) == expected


def test_the_nearest_response_counts():
    other = Response([Text("made", "Output Cube", "p/1/5")]).as_dict()
    assert look_up("Output Cube", [other, TOLD]) == ["p/1/5"]


def test_what_was_made():
    tasks = Grid(
        "massive",
        "Massive Operation Task List",
        ["EXIT STATUS", "OUTPUT"],
        [["OK", "http://x/1/2"], ["OK", "http://x/1/3|http://x/1/4"], ["ERROR", ""]],
    )
    response = Response([tasks, Text("c", "Output Container", "http://x/1")])
    outcome = outcome_of(response)
    assert outcome.output("cube") == ["http://x/1/2", "http://x/1/3", "http://x/1/4"]
    assert outcome.output("container") == ["http://x/1"]
    assert outcome.error == ""
    assert outcome_of(response.to_json()).outputs == outcome.outputs
    assert outcome.output("Massive Operation Task List.EXIT STATUS") == ["OK", "OK", "ERROR"]


def test_errors():
    outcome = outcome_of(Response(error="no such cube", code=8))
    assert (outcome.error, outcome.code) == ("no such cube", 8)
    assert outcome_of(Response(error="x").as_dict()).code == 9
