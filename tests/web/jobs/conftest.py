"""Jobs on a copy of the demonstration site; their processes see the same database."""

from __future__ import annotations

import pytest

NIGHT = "OSN-T090/2022-09-18"


@pytest.fixture
def start(demo):
    """Start a job as a user: ``start("operator", kind="reduce", nights=[...])``."""
    from polarnight.web.jobs.kinds import read_request
    from polarnight.web.jobs.starting import start_job

    def begin(role: str = "operator", kind: str = "reduce", **arguments):
        if kind == "reduce":
            arguments.setdefault("nights", [NIGHT])
        return start_job(read_request(kind, arguments), demo.user(role))

    return begin
