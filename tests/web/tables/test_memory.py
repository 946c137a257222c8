"""What is kept in memory: as long as it is true, and while there is room."""

from __future__ import annotations

import threading

import pytest

from polarnight.web.tables.memory import Memory


def ask(memory, question, version, value, size=10):
    return memory.get(question, version, lambda: value, lambda _: size)


def test_an_answer_is_kept_while_its_version_holds():
    memory = Memory(100)
    assert ask(memory, "q", 1, "first") == "first"
    assert ask(memory, "q", 1, "second") == "first"
    assert ask(memory, "q", 2, "third") == "third"
    assert ask(memory, "q", 1, "fourth") == "fourth"


def test_nothing_is_kept_without_a_version():
    memory = Memory(100)
    assert [ask(memory, "q", None, value) for value in "ab"] == ["a", "b"]


def test_what_was_not_asked_for_longest_goes_first():
    memory = Memory(20)
    ask(memory, "a", 1, "old")
    ask(memory, "b", 1, "old")
    ask(memory, "a", 1, "new")
    ask(memory, "c", 1, "old")
    assert ask(memory, "a", 1, "new") == "old"
    assert ask(memory, "b", 1, "new") == "new"


def test_what_is_larger_than_the_room_is_not_kept():
    memory = Memory(20)
    ask(memory, "a", 1, "old")
    ask(memory, "b", 1, "old", size=21)
    assert ask(memory, "a", 1, "new") == "old"
    assert ask(memory, "b", 1, "new") == "new"


def test_a_question_is_worked_out_once_for_all_who_ask_it():
    memory, made, started, go = Memory(100), [], threading.Event(), threading.Event()

    def make():
        started.set()
        assert go.wait(30)
        made.append(1)
        return "answer"

    found = []
    askers = [
        threading.Thread(target=lambda: found.append(memory.get("q", 1, make, lambda _: 1)))
        for _ in range(3)
    ]
    for asker in askers:
        asker.start()
    assert started.wait(30)
    assert ask(memory, "another", 1, "at once") == "at once"
    go.set()
    for asker in askers:
        asker.join()
    assert (found, len(made)) == (["answer"] * 3, 1)


def test_a_failure_is_not_kept():
    memory = Memory(100)

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        memory.get("q", 1, fail, lambda _: 1)
    assert ask(memory, "q", 1, "well") == "well"
