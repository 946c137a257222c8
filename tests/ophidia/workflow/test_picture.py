"""Workflows as pictures, DOT and trees."""

import xml.etree.ElementTree as ET

import pytest
from workflow_doubles import Server, gather, single, task

from polarnight.errors import ConfigError
from polarnight.ophidia.workflow import Status, parse_workflow, snapshot
from polarnight.ophidia.workflow.shape.structure import Structure
from polarnight.ophidia.workflow.showing.picture import draw_workflow, layout, picture_of
from polarnight.ophidia.workflow.showing.tree import dot_text, kept_tree, workflow_tree

TASKS = [
    task("in", "oph_importfits"),
    task("for", "oph_for", "key=k", "values=a|b|c", after=["in"]),
    task("t$^{x}", "oph_reduce2", "dim=@k", after=["for", single("in")]),
    task('end "quoted"', "oph_endfor", after=["t$^{x}"]),
    task("last", "oph_mergecubes", after=[gather('end "quoted"'), "in"]),
]


@pytest.fixture
def flow():
    return parse_workflow({"name": "x_$", "tasks": TASKS})


@pytest.fixture
def run():
    return Server().run(*TASKS)


def test_layers(flow):
    drawn = layout(Structure(flow.tasks))
    assert set(drawn.place) == {one["name"] for one in TASKS}
    for parent, child, points in drawn.lines:
        assert drawn.place[parent][1] > drawn.place[child][1]
        assert len(points) == drawn.place[parent][1] - drawn.place[child][1] - 1
        # A line that passes a layer does not pass through a task of it.
        for x, y in points:
            assert all(abs(x - a) >= 0.5 for a, b in drawn.place.values() if b == y)
    assert len(drawn.lines) == 6


@pytest.mark.parametrize("ending", ["png", "svg", "pdf", "dot"])
def test_files(run, tmp_path, ending):
    file = picture_of(snapshot(run), tmp_path / f"a.{ending}")
    begin = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "dot": b"digraph"}[ending]
    assert file.read_bytes().startswith(begin)
    assert [one.name for one in tmp_path.iterdir()] == [f"a.{ending}"]
    if ending == "svg":
        ET.fromstring(file.read_text())


def test_other_endings_are_refused(flow, tmp_path):
    with pytest.raises(ConfigError, match=r"\.svg"):
        draw_workflow(flow, tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_dot(flow):
    text = dot_text(flow, {"in": [Status.ERROR]})
    assert 't3 [label="end \\"quoted\\"\\noph_endfor"' in text
    assert "t0 -> t1 [style=dashed];" in text
    assert "t0 -> t2;" in text
    assert text.count("->") == 6


def test_trees(flow, run):
    lines = workflow_tree(flow)
    assert lines[2].startswith("  t$^{x}")
    assert "after for, in" in lines[2]
    kept = kept_tree(snapshot(run))
    assert kept[0].startswith("done ")
    assert kept[2].startswith("3 done ")
    assert "\x1b[32m" in kept_tree(snapshot(run), colours=True)[0]
