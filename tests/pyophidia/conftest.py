"""A server that only writes down what it is asked."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import PyOphidia.client
from polarnight.ophidia.answers.response import Response, Text
from PyOphidia import cube


class Recorder:
    """Answers every command with what was put on `answers`, or with a new cube."""

    def __init__(self):
        self.commands, self.answers, self.last = [], [], ""
        self.user = "anna"
        self.settings = SimpleNamespace(datadir=Path("/data"))

    def resume(self, state):
        if not state.session:
            state.session = "http://localhost/polarnight/sessions/123/experiment"
            state.cwd, state.cdd, state.cube = "/", "/night", self.last
        return state.session

    def submit(self, text, state, progress=None, cancelled=None):
        self.commands.append(text)
        if self.answers:
            answer = self.answers.pop(0)
            return answer(state) if callable(answer) else answer
        state.cube = f"http://localhost/polarnight/1/{len(self.commands)}"
        return Response(
            [Text("made", "Output Cube", state.cube)],
            extra={"execution_time": "0.25"},
            jobid="http://localhost/polarnight/sessions/123/experiment?7#9",
        )


@pytest.fixture
def server(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(PyOphidia.client, "in_this_process", lambda user: recorder)
    cube.Cube.setclient("anna", "secret", "", "")
    recorder.commands.clear()
    yield recorder
    cube.Cube.client = None
