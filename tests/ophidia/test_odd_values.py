"""Odd values for every argument of every operator of use: an answer or a clear error, always."""

from __future__ import annotations

import random

import numpy as np
import pytest

from polarnight.ophidia.registry import operators

ODD = [
    *("", "-1", "0", "1", "2", "9" * 20, "nan", "abc", "all", "a|b", "|", "'", "../x", "/"),
    *("/etc/passwd", "yes", "no", "NAXIS1", "NAXIS2|NAXIS1", "2,1", "[*]", "[1:", "[a=b]", "%"),
    *("measure", "x" * 3000, "é\u200b", "null", "A", "A|B", "*", "1:2", "http://x/1/2", "<b>"),
    *("2026-01-01,", "111", "f0.fits", "f0.fits|f1.fits", "max", "{{7*7}}"),
]
SKIPPED = {"oph_wait", "oph_input", "oph_manage_session"}


@pytest.mark.parametrize("times", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_odd_values_give_an_answer_or_a_clear_error(client, times):
    rng = random.Random(times)
    for number in range(2):
        client.write(f"f{number}.fits", np.arange(12, dtype="i2").reshape(3, 4) + number)
    pid = client.pid("oph_importfits src_path=f0.fits;container=A")
    before = client.values(pid)
    wanted = {
        name: cls
        for name, cls in operators().items()
        if cls.kind in {"U", "S", "C"} and name not in SKIPPED
    }
    for name, cls in wanted.items():
        for _ in range(times):
            given = {"cube": pid} if "cube" in cls.declared() else {}
            most = min(len(cls.arguments), rng.randint(0, 4))
            for argument in rng.sample(cls.arguments, k=most):
                legal = list(argument.choices) or [argument.shown_default or "1"]
                given[argument.name] = rng.choice([*ODD, *legal * 8])
            text = name + " " + ";".join(f"{key}={value}" for key, value in given.items())
            response = client.send(text)
            shown = text[:200]
            assert response.ok or response.error.strip(), shown
            assert "Traceback" not in response.error, shown
            assert "object at 0x" not in response.to_json(), shown
            length = len(response.error)
            assert length < 1500, shown
    np.testing.assert_array_equal(client.values(pid), before)
