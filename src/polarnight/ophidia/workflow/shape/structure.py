"""Loops and branches of a workflow: which task lies in which, and whether that makes sense.

A loop is what lies behind an ``oph_for`` and not behind its ``oph_endfor``; a branch, what lies
behind an ``oph_if``, ``oph_elseif`` or ``oph_else`` and neither behind the next of them nor
behind the ``oph_endif``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from polarnight.ophidia.workflow.shape.graph import closure, find_cycle, in_order
from polarnight.ophidia.workflow.shape.model import Task
from polarnight.ophidia.workflow.text.document import nearest

__all__ = ["Block", "Structure"]

_HEADS = {"oph_endfor": "oph_for", "oph_endif": "oph_if"}
_NEXT = ("oph_elseif", "oph_else")


@dataclass(frozen=True, slots=True)
class Block:
    """A loop, or one branch of a choice.

    Attributes
    ----------
    head : str
        ``oph_for``, or the ``oph_if``, ``oph_elseif`` or ``oph_else`` of the branch.
    end : str
        ``oph_endfor`` or ``oph_endif``.
    body : frozenset of str
        The tasks in it, without head and end.
    loop : bool
    """

    head: str
    end: str
    body: frozenset[str]
    loop: bool


class Structure:
    """The loops and branches of sound tasks.

    Attributes
    ----------
    order : list of str
        Parents before children.
    blocks : list of Block
    around : dict
        Of every task to the blocks it lies in, the outermost first.
    chains : dict
        Of every ``oph_if`` to the heads of its branches in order.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = {task.name: task for task in tasks}
        self.parents = {
            task.name: list(dict.fromkeys(d.task for d in task.dependencies)) for task in tasks
        }
        self.order = in_order(self.parents)
        self.before = closure(self.parents, self.order)
        self.children: dict[str, list[str]] = {name: [] for name in self.parents}
        for name, parents in self.parents.items():
            for parent in parents:
                self.children[parent].append(name)
        self.after = closure(self.children, self.order[::-1])
        self.faults: list[str] = []
        self.chains: dict[str, list[str]] = {}
        self.ends: dict[str, str] = {}
        self._match()
        self.blocks = [] if self.faults else self._blocks()
        self._check_nesting()
        self.around = {name: self._around(name) for name in self.tasks}
        self._check_edges()

    @classmethod
    def faults_of(cls, tasks: Sequence[Task]) -> list[str]:
        """Return everything that is wrong with the graph of some tasks."""
        faults = []
        names = [task.name for task in tasks]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                faults.append(f"{names.count(name)} tasks are called {name!r}; names are unique")
        known = set(names)
        for task in tasks:
            for number, dependency in enumerate(task.dependencies, 1):
                if dependency.task not in known:
                    near = nearest(dependency.task, names)
                    faults.append(
                        f"task {task.name!r}, dependency {number}: there is no task "
                        f"{dependency.task!r}{near}"
                    )
        if faults:
            return faults
        parents = {task.name: [d.task for d in task.dependencies] for task in tasks}
        if cycle := find_cycle(parents):
            shown = " -> ".join(repr(name) for name in cycle)
            return [f"the tasks wait for each other in a circle: {shown}"]
        return cls(tasks).faults

    def loops(self, name: str) -> list[Block]:
        """Return the loops around a task, the outermost first."""
        return [block for block in self.around[name] if block.loop]

    def _operators(self, *wanted: str) -> list[str]:
        return [name for name in self.order if self.tasks[name].operator in wanted]

    def _match(self) -> None:
        """Find the head of every end, and the chain of heads of every choice."""
        taken: dict[str, str] = {}
        for end in self._operators(*_HEADS):
            wanted = _HEADS[self.tasks[end].operator]
            open_heads = [
                name
                for name in self._operators(wanted)
                if name in self.before[end] and name not in taken
            ]
            innermost = [
                head
                for head in open_heads
                if all(other == head or other in self.before[head] for other in open_heads)
            ]
            if not open_heads:
                self.faults.append(
                    f"task {end!r}: {self.tasks[end].operator} follows no open {wanted}; make it "
                    f"depend on the last tasks behind its {wanted}"
                )
            elif not innermost:
                shown = " and ".join(repr(head) for head in open_heads)
                self.faults.append(
                    f"task {end!r} ends both {shown}; every {wanted} needs an end of its own"
                )
            else:
                taken[innermost[0]] = end
        self.ends = taken
        for head in self._operators("oph_for", "oph_if"):
            if head not in taken:
                end = "oph_endfor" if self.tasks[head].operator == "oph_for" else "oph_endif"
                self.faults.append(f"task {head!r} has no {end} that depends on it")
        for head in self._operators("oph_if"):
            self.chains[head] = [head]
        for name in self._operators(*_NEXT):
            self._chain(name)

    def _chain(self, name: str) -> None:
        """Hang an ``oph_elseif`` or ``oph_else`` behind the head before it."""
        operator = self.tasks[name].operator
        last = {chain[-1]: head for head, chain in self.chains.items()}
        before = [parent for parent in self.parents[name] if parent in last]
        fine = [head for head in before if self.tasks[head].operator != "oph_else"]
        if len(fine) != 1 or len(self.parents[name]) != len(before):
            self.faults.append(
                f"task {name!r}: {operator} must depend on the oph_if or oph_elseif before it, "
                "and on nothing else; every oph_if has one chain of them"
            )
            return
        self.chains[last[fine[0]]].append(name)

    def _blocks(self) -> list[Block]:
        blocks = []
        for head, end in self.ends.items():
            beyond = self.after[end] | {end}
            heads = self.chains.get(head, [head])
            for number, one in enumerate(heads):
                later = set(heads[number + 1 :])
                behind = set().union(*(self.after[name] for name in later), later)
                body = frozenset(self.after[one] - beyond - behind)
                blocks.append(Block(one, end, body, loop=head not in self.chains))
                if later and not later <= self.before[end]:
                    missing = next(name for name in later if name not in self.before[end])
                    self.faults.append(f"task {end!r} must depend on the tasks behind {missing!r}")
        return blocks

    def _check_nesting(self) -> None:
        for block in self.blocks:
            for other in self.blocks:
                if block is other or (block.end == other.end):
                    continue
                both = block.body & other.body
                nested = block.body <= other.body or other.body <= block.body
                if (both and not nested) or (other.head in block.body) != (other.end in block.body):
                    fault = f"{block.head!r} ... {block.end!r} and {other.head!r} ... {other.end!r}"
                    turned = f"{other.head!r} ... {other.end!r} and {block.head!r} ... "
                    if not any(turned in told for told in self.faults):
                        self.faults.append(f"{fault} overlap; one must lie inside the other")

    def _around(self, name: str) -> list[Block]:
        inside = [block for block in self.blocks if name in block.body]
        return sorted(inside, key=lambda block: -len(block.body))

    def _check_edges(self) -> None:
        """Refuse edges out of a loop or branch that go past its end."""
        keys: dict[str, str] = {}
        for block in self.blocks:
            for name in [block.head, *block.body]:
                for child in self.children[name]:
                    allowed = {block.end, *block.body, *self._heads_of(block)}
                    if child not in allowed:
                        self.faults.append(
                            f"task {child!r} depends on {name!r} inside {block.head!r} ... "
                            f"{block.end!r}; make it depend on {block.end!r}"
                        )
        for task in self.tasks.values():
            if task.operator != "oph_for":
                continue
            for outer in self.loops(task.name):
                key = task.argument("key")
                if key and key == self.tasks[outer.head].argument("key"):
                    keys[task.name] = f"task {task.name!r}: the loop around it, {outer.head!r}, "
                    keys[task.name] += f"has the key {key!r} already"
        self.faults += keys.values()

    def _heads_of(self, block: Block) -> Iterable[str]:
        for chain in self.chains.values():
            if block.head in chain:
                return chain
        return ()
