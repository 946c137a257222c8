"""Workflows through the client: checked, and handed over as they are."""

import json

import pytest

from polarnight.ophidia.answers.response import Response
from PyOphidia import cube


def workflow(*arguments, **task):
    task = {"name": "list", "operator": "oph_createcontainer", "arguments": list(arguments), **task}
    return {"name": "a night", "tasks": [task]}


GOOD = workflow("container=$1", "dim=NAXIS1")


def test_a_good_workflow_is_valid(server, tmp_path):
    client = cube.Cube.client
    (tmp_path / "w.json").write_text(f"// a comment\n{json.dumps(GOOD)}")
    for given in (GOOD, json.dumps(GOOD), str(tmp_path / "w.json")):
        assert client.wisvalid(given) == (True, "Workflow is valid")
    assert server.commands == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (workflow("container=a", dependencies=[{"task": "b"}]), "no task 'b'"),
        (workflow("container=a", operator="oph_creatcontainer"), "oph_creatcontainer"),
        ("{", "line"),
        ("nowhere.json", "nowhere.json"),
    ],
)
def test_a_bad_one_is_told_why(server, given, words):
    valid, why = cube.Cube.client.wisvalid(given)
    assert not valid
    assert words in why


def test_it_is_handed_over_with_its_parameters(server, capsys):
    client, seen = cube.Cube.client, []

    def submit_workflow(text, arguments, state, progress, cancelled):
        seen.append((json.loads(text), arguments, state))
        return Response(error="it broke" if len(seen) > 1 else "", jobid="s?12#13")

    server.submit_workflow = submit_workflow
    assert client.wsubmit(GOOD, "FITS2", 2) is client
    assert seen == [(GOOD, ["FITS2", "2"], client.state)]
    assert client.last_workflowid() == "12"
    assert client.wsubmit(GOOD) is None
    assert "Something went wrong in submitting the workflow: it broke" in capsys.readouterr().out
    assert client.wsubmit("nowhere.json") is None


@pytest.mark.parametrize("path", ["/dev/zero", "nothing.json", "/", "~nobody-of-that-name/w"])
def test_files_that_are_none(server, path, capsys):
    client = cube.Cube.client
    assert client.wsubmit(path) is None
    assert "the workflow" in capsys.readouterr().out
