"""Requests made from the schema of the API, right and wrong ones: never a fault of the server."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import requests
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

EXAMPLES = 20


@pytest.fixture
def populated(door):
    """The small site with a night, a frame, a result, a job, a view and a comment."""
    from polarnight.db import AstroSource, Epoch, PhotoPolResult, RawFit
    from polarnight.web.models import SavedView

    epoch = Epoch.create("OSN-T090/2022-09-18")
    source = AstroSource.objects.create(
        name="2200+420", ra_hms="22:02:43.2914", dec_dms="+42:16:39.980", mag_R=13.4
    )
    RawFit.objects.create(epoch=epoch, filename="gone.fit", imgtype="LIGHT", band="R")
    PhotoPolResult.objects.create(
        identity="one", epoch=epoch, astrosource=source, reduction="relpol", band="R",
        instrument="AndorT90", obsmode="POLARIMETRY", juliandate=2459841.5, mag=13.0, p=0.1,
    )  # fmt: skip
    for role in ("viewer", "operator"):
        SavedView.objects.create(user=door.user(role), name="mine", page="plot", query="")
    return door


REAL = {"pk": [1], "name": ["2200+420", "R"], "night": ["2022-09-18"], "telescope": ["OSN-T090"]}


def _operations(site):
    import schemathesis

    document = json.loads(site.client("viewer").get("/api/v1/openapi.json").content)
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


def _send(client, case):
    """Send what `requests` would send, through Django's own client."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    names = {"CONTENT_TYPE", "CONTENT_LENGTH"}
    headers = {}
    for name, value in prepared.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if key not in names | {"COOKIE", "HOST", "AUTHORIZATION"}:
            headers[f"HTTP_{key}"] = text
    body = prepared.body or b""
    return client.generic(
        prepared.method, prepared.path_url, body.encode() if isinstance(body, str) else body,
        content_type=prepared.headers.get("Content-Type", "application/json"), **headers,
    )  # fmt: skip


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_no_fault_for_any_request(populated, role):
    from schemathesis import GenerationMode

    client = populated.client(role)
    client.raise_request_exception = False
    answers: Counter[int] = Counter()
    faults = []
    for operation in _operations(populated):
        strategy = st.one_of(
            *(
                operation.as_strategy(generation_mode=mode)
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
            )
        )

        @seed(20220918)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(strategy, st.data())
        def attempt(case, data):
            # What is there is rarely hit by chance.
            for name, values in REAL.items():
                if name in (case.path_parameters or {}) and data.draw(st.booleans()):
                    case.path_parameters[name] = data.draw(st.sampled_from(values))
            answer = _send(client, case)
            answers[answer.status_code] += 1
            if getattr(answer, "streaming", False) and answer.status_code == 200:
                b"".join(answer.streaming_content)
            if answer.status_code >= 500:
                told = f"{case.method} {case.formatted_path} {case.query} {case.body!r}"
                faults.append(f"{answer.status_code} {told[:400]} {answer.content[:300]!r}")

        attempt()
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults[:40])
    assert answers[200] > 50, answers
    assert sum(answers[code] for code in (400, 403, 404, 409, 422)) > 200, answers
