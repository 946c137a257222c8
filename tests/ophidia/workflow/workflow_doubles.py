"""A server of make-believe: commands are kept, cubes are numbers."""

import threading
import time

from polarnight.ophidia.answers.response import Grid, Response, Text
from polarnight.ophidia.language.grammar import parse_command
from polarnight.ophidia.workflow import Hooks, Run, parse_workflow

BASE = "http://localhost/polarnight"


class Server:
    """Every operator makes a cube, unless `answers` says otherwise."""

    def __init__(self, answers=None, seconds=0.0):
        self.answers = answers or {}
        self.seconds = seconds
        self.commands = []
        self.states = []
        self.together = 0
        self.most_together = 0
        self.made = 0
        self._lock = threading.Lock()

    def submit(self, text, state, job):
        with self._lock:
            self.commands.append(text)
            self.states.append((text, state.cube, state.ncores))
            self.together += 1
            self.most_together = max(self.most_together, self.together)
        time.sleep(self.seconds)
        try:
            command = parse_command(text)
            answer = self.answers.get(command.operator)
            if answer is not None:
                made = answer(command.arguments, job)
                if made is not None:
                    return made
            return self.cube(command.operator)
        finally:
            with self._lock:
                self.together -= 1

    def cube(self, key="made", count=1):
        pids = []
        for _ in range(count):
            with self._lock:
                self.made += 1
                pids.append(f"{BASE}/1/{self.made}")
        return Response([Text(key, "Output Cube", pid) for pid in pids])

    def arguments(self, operator):
        return [parse_command(t).arguments for t in self.commands if t.split()[0] == operator]

    def run(self, *tasks, given=(), cores=2, state=None, record=None, hooks=None, **fields):
        flow = parse_workflow({"name": "test", **fields, "tasks": list(tasks)}, given)
        run = Run(flow, self.submit, state, cores, hooks or Hooks(), record)
        return run.execute()


def failed(text="no such file", code=9):
    return Response(error=text, code=code)


def grid(title, columns, rows, key="search"):
    return Response([Grid(key, title, columns, rows)])


def task(name, operator, *arguments, after=(), **fields):
    """Return a task; `after` has names, or dependencies as they stand in the JSON."""
    dependencies = [{"task": one} if isinstance(one, str) else one for one in after]
    return {
        "name": name, "operator": operator, "arguments": list(arguments),
        "dependencies": dependencies, **fields,
    }  # fmt: skip


def single(name, argument="cube", **fields):
    return {"task": name, "type": "single", "argument": argument, **fields}


def gather(name, argument="cubes", **fields):
    return {"task": name, "type": "all", "argument": argument, **fields}
