"""What the terminal prints."""

import io

from hypothesis import given
from hypothesis import strategies as st

from polarnight.ophidia.answers.response import Graph, Grid, Response, Text
from polarnight.ophidia.answers.tables import clean, table_lines, wide
from polarnight.ophidia.terminal.display import Display, fitted, short_request


def shown(response, viewer="basic"):
    out = io.StringIO()
    Display(out, io.StringIO()).response(response, viewer, "yellow")
    return out.getvalue()


GRID = Grid("list", "/", ["T", "PATH"], [["f", "archive/"], ["c", "FITS2"]])
EXPECTED = """\
/
\u00af
+===+==========+
| T | PATH     |
+===+==========+
| f | archive/ |
|---|----------|
| c | FITS2    |
+===+==========+
"""


def test_a_grid():
    text = shown(Response([GRID], jobid="http://x?1#2", request="oph_list level=1;cwd=/;"))
    assert EXPECTED in text
    assert text.index("[Request]:") < text.index("[JobID]:") < text.index("[Response]:")
    assert "oph_list level=1;\n" in text


def test_viewers():
    response = Response(
        [Text("made", "Output Cube", "http://x/1/2")],
        extra={"execution_time": "0.12"},
        request="oph_x cwd=/;",
        user="ada",
    )
    assert '"objkey": "made"' in shown(response, "dump")
    basic = shown(response)
    assert "Output Cube\n\u00af\u00af" in basic
    assert "Execution time: 0.12 seconds" in basic
    extended = shown(response, "extended")
    assert "Producer: ada" in extended
    assert "cwd=/" in extended
    assert "\x1b" not in shown(response, "coloured")  # not on a screen


def test_an_empty_grid_and_a_graph():
    text = shown(
        Response(
            [
                Grid("a", "Empty", ["A"], []),
                Graph("g", "Cube Provenance", ["PID"], [["1"], ["2"]], [(0, 1, "oph_apply")]),
            ]
        )
    )
    assert "| A |" in text
    assert "-> [1] oph_apply" in text


def test_errors_end_with_their_code():
    err = io.StringIO()
    Display(io.StringIO(), err).error("no such \x1b[31mcube", 9)
    assert err.getvalue() == "no such \\x1b[31mcube [CODE 9]\n"


def test_lists_of_tasks_lose_columns_that_do_not_fit():
    columns = ["OPH JOB ID", "SESSION CODE", "TASK NAME", "EXIT STATUS"]
    content = Grid("w", "Workflow Task List", columns, [["j" * 60, "s" * 30, "a", "b"]]).content()
    assert fitted(content, 60)["rowkeys"] == ["TASK NAME", "EXIT STATUS"]
    assert fitted(content, 200)["rowkeys"] == columns
    assert fitted(content, None)["rowkeys"] == columns


def test_what_the_client_filled_in_is_left_off():
    text = "oph_list level=2;sessionid=http://x;exec_mode=sync;ncores=1;cwd=/;cdd=/;"
    assert short_request(text) == "oph_list level=2;"


def test_commands_of_the_history_are_as_they_were_typed():
    full = "oph_list level=2;sessionid=http://x;exec_mode=sync;cwd=/;cdd=/;"
    grid = Grid("resume", "History", ["WORKFLOW ID", "COMMAND"], [["1", full]])
    assert "| 1           | oph_list level=2; |\n" in shown(Response([grid]))
    assert full in shown(Response([grid]), "extended")


def test_each_of_many_cubes_is_on_a_line_of_its_own():
    grid = Grid(
        "w", "Workflow Task List", ["TASK NAME", "OUTPUT"], [["a", "http://x/1|http://x/2"]]
    )
    text = shown(Response([grid]))
    assert "| a         | http://x/1| |\n|           | http://x/2  |\n" in text
    assert "http://x/1|http://x/2" in shown(Response([grid]), "extended")


@given(
    st.lists(st.lists(st.text(max_size=30), min_size=2, max_size=2), max_size=4),
    st.integers(20, 200),
)
def test_all_lines_of_a_table_are_equally_wide_and_nothing_is_lost(rows, width):
    lines = table_lines(["A", "SECOND"], rows, width)
    assert len({wide(line) for line in lines}) == 1
    assert not any(ord(c) < 32 for line in lines for c in line)
    kept = sorted("".join("".join(lines).split()).replace("|", ""))
    for row in rows:
        for cell in row:
            for c in "".join(clean(cell).split()).replace("|", ""):
                assert c in kept


def test_wide_characters_keep_the_borders_straight():
    lines = table_lines(["NAME"], [["\u661f\u56f3"], ["e\u0301toile"]])
    assert len({wide(line) for line in lines}) == 1
