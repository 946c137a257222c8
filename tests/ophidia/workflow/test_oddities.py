"""Three hundred workflows that nobody should write: all end in one clear error, or run."""

import json
import random

from workflow_doubles import task

from polarnight.ophidia.server import Server
from polarnight.ophidia.state import State

NAMES = [
    "a",
    "ä",
    "名前",
    "\u202eab",
    "e\u0301",
    "\U0001f52d",
    "a\x00b",
    "a\nb",
    "\ud800",
    " ",
    "a" * 5000,
]
NUMBERS = [
    "NaN",
    "-Infinity",
    "Infinity",
    "1e999",
    "9" * 400,
    "-0",
    "1.5",
    "9" * 5000,
    "0x10",
    "1_0",
]


def deep(chance, inner):
    """Nest something in lists and objects."""
    depth = chance.choice([2, 40, 59, 61, 900, 60_000])
    for _ in range(min(depth, 900)):
        inner = f"[{inner}]" if chance.random() < 0.5 else f'{{"k": {inner}}}'
    return "[" * (depth - 900) + inner + "]" * (depth - 900) if depth > 900 else inner


def odd(seed):
    """Return the text of a workflow, odd in one or two ways."""
    chance = random.Random(seed)
    tasks = [task(f"t{n}", "oph_list", after=[f"t{n - 1}"] if n else []) for n in range(4)]
    flow = {"name": "odd", "tasks": tasks}
    raw = {}

    def nesting():
        raw["@deep"] = deep(chance, '"x"')
        place = chance.choice([flow, tasks[0]])
        place[chance.choice(["arguments", "variables", "on_error", "abstract", "new"])] = "@deep"

    def numbers():
        raw["@number"] = chance.choice(NUMBERS)
        place = chance.choice([flow, tasks[1], tasks[1]["dependencies"][0]])
        if not isinstance(place, dict):
            place = tasks[1]
        place[chance.choice(["ncores", "name", "order", "on_error", "run"])] = "@number"

    def names():
        name = chance.choice(NAMES)
        tasks[1]["name"] = name
        tasks[2]["dependencies"] = [{"task": name if chance.random() < 0.7 else "t1"}]

    def twins():
        tasks[chance.randrange(4)]["name"] = "t0"

    def circle():
        first, last = sorted(chance.sample(range(4), 2)) if chance.random() < 0.8 else (2, 2)
        tasks[first].setdefault("dependencies", []).append({"task": f"t{last}"})

    def keys():
        raw['"operator"'] = '"operator": "oph_list", "operator"'

    def values():
        tasks[3]["arguments"] = [f"path={chance.choice(NAMES)}", f"level={chance.choice(NUMBERS)}"]

    def variables():
        tasks[3]["variables"] = [f"v{n}=@{{v{n + 1}}}" for n in range(chance.choice([1, 300]))]
        tasks[3]["arguments"] = ["path=@{v0}"]

    def positions():
        tasks[3]["arguments"] = [
            chance.choice(["path=$1", "path=${999}", "path=${1:-$1}", "path=${9:-/}", "path="])
        ]

    def loops():
        turns = chance.choice(
            ["1:999999999", "1:0", "-5:5", "1:3", "2,7", "1:2:3:4", "x", "1:100001"]
        )
        tasks[0] = task("t0", "oph_for", "key=n", f"counter={turns}")
        tasks[3] = task("t3", "oph_endfor", after=["t2"])

    ways = [nesting, numbers, names, twins, circle, keys, values, variables, positions, loops]
    ways[seed % len(ways)]()
    if chance.random() < 0.3:
        chance.choice(ways)()
    text = json.dumps(flow, ensure_ascii=chance.random() < 0.5)
    for mark, replaced in raw.items():
        text = text.replace(f'"{mark}"' if mark.startswith("@") else mark, replaced)
    return text


def test_three_hundred_oddities(fresh_database):
    fresh_database.data.raw.mkdir(parents=True, exist_ok=True)
    server = Server(fresh_database, "tester")
    refused = ran = 0
    for seed in range(300):
        response = server.submit_workflow(odd(seed), (), State())
        told = response.error
        assert "unforeseen" not in told, (seed, told)
        assert "fault of Polarnight" not in told, (seed, told)
        assert "Traceback" not in told, (seed, told)
        assert response.ok or (response.code in {3, 6, 7, 8, 9} and told.strip()), (seed, told)
        assert len(told) < 20_000, seed
        json.loads(response.to_json())
        refused += not response.ok
        ran += response.ok
    assert refused > 150
    assert ran > 20
    # The database is as sound as before.
    assert server.submit("oph_list", State()).ok
