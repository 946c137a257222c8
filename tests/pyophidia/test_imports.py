"""The modules of PyOphidia stand on each other in one direction only."""

import ast
import graphlib
from pathlib import Path

import PyOphidia


def test_there_is_no_circle_of_imports():
    # Also none of imports inside functions or for type checkers, which no start would show.
    root = Path(PyOphidia.__file__).parent
    modules = {f"PyOphidia.{path.stem}": path for path in root.glob("*.py")}
    graph = {}
    for name, path in modules.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
            elif isinstance(node, ast.Import):
                found |= {one.name for one in node.names}
        graph[name] = found & set(modules) - {name}
    assert len(graph) > 10
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert order.index("PyOphidia.cube") > order.index("PyOphidia.calls")


def test_what_makes_a_cube_makes_one_of_the_class(server):
    class Own(PyOphidia.cube.Cube):
        pass

    assert type(Own(pid="http://a/1/2").reduce2(operation="max", dim="z")) is Own
