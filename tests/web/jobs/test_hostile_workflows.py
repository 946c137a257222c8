"""Workflows as jobs may do no more than commands of the console."""

from __future__ import annotations

import json

import pytest

from polarnight.web.jobs.running import Run


@pytest.fixture
def run(start):
    """Run one command as a workflow of an operator, and return the job."""

    def to_the_end(operator: str, **arguments: str):
        words = [f"{name}={value}" for name, value in arguments.items()]
        task = {"name": "a", "operator": operator, "arguments": words}
        text = json.dumps({"name": "w", "author": "-", "abstract": "-", "tasks": [task]})
        job = start(kind="workflow", text=text)
        Run(job.pk).to_the_end()
        job.refresh_from_db()
        return job

    return to_the_end


def test_the_key_of_the_site_stays_where_it_is(run, demo):
    key = demo.root / "web-key"
    key.write_text(86 * "k")
    job = run("oph_fs", command="mv", dpath=f"{key}|{demo.root}/raw/mine")
    assert job.state == "failed"
    assert "there is no 'web-key' in the data repository" in job.error
    assert key.is_file()
    assert not (demo.root / "raw/mine").exists()


def test_the_data_directory_is_not_listed(run, demo):
    job = run("oph_fs", command="ls", dpath=str(demo.root))
    assert job.state == "failed"
    assert "there is no 'the data directory' in the data repository" in job.error
    assert str(demo.root) not in job.error


def test_programs_do_not_run(run):
    job = run("oph_script", script="echo")
    assert job.state == "failed"
    assert "a site runs no programs" in job.error
