"""Progress that is heard: what the worker of a job goes by."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from polarnight.progress import heard_by, track


def test_listeners_hear_of_every_step_until_they_leave():
    told = []
    with heard_by(lambda *step: told.append(step)):
        assert list(track("abc", 3, "reading")) == list("abc")
    assert told == [("reading", n, 3) for n in range(4)]
    list(track("abc", 3, "reading"))
    assert len(told) == 4
    with heard_by(lambda *step: told.append(step)):
        list(track("abc", 3, "reading", quiet=True))
    assert len(told) == 4


def test_an_order_that_cannot_be_done_is_answered_in_one_line(tmp_path):
    order = {
        "job": 1, "kind": "reduce", "title": "x", "user": "x", "log": "logs/jobs/x.log",
        "arguments": {"nights": ["T090/2022-09-18"], "only": None, "force": False,
                      "retry_failed": False},
        "settings": {"datadir": str(tmp_path)},
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "polarnight.web.jobs.child"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "POLARNIGHT_DATADIR": str(tmp_path)}, start_new_session=True,
    )  # fmt: skip
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readlines()[-1])
    assert process.wait(10) == answer["end"] == 2
    assert answer["error"].startswith("no raw files of OSN-T090/2022-09-18 under raw")
    assert str(tmp_path) not in answer["error"]
    process.stdin.close()
    process.stdout.close()
