"""A work pool yields exactly one outcome for each task, whatever happens to the worker."""

import math
import os

import pytest

from polarnight.errors import BadFrame, ConfigError, ExternalService
from polarnight.pipeline.executor import Task, WorkPool


@pytest.mark.parametrize(("scheduler", "processes"), [("serial", 1), ("local", 2)])
def test_errors_come_home_as_values(scheduler, processes):
    def fail(path):  # local, so that it travels by value: workers cannot import tests
        raise BadFrame(path, "NAXIS is missing", "fetch it again")

    tasks = [
        Task("root", math.sqrt, (4.0,)),
        Task("bad", fail, ("a.fits",)),
        Task("bug", math.sqrt, (-1.0,)),
    ]
    with WorkPool(scheduler, processes) as pool:
        outcomes = {outcome.key: outcome for outcome in pool.run(tasks)}
    assert outcomes["root"].result == 2.0
    assert isinstance(outcomes["bad"].error, BadFrame)
    assert str(outcomes["bad"].error) == "a.fits: NAXIS is missing (fetch it again)"
    assert outcomes["bad"].error.remedy == "fetch it again"
    assert "math domain error" in str(outcomes["bug"].error) or "nonnegative" in str(
        outcomes["bug"].error
    )
    assert "Traceback" in outcomes["bug"].trace


def test_a_killed_worker_costs_only_its_own_task():
    tasks = [Task(n, math.sqrt, (float(n),)) for n in range(6)]
    tasks.insert(2, Task("killer", os._exit, (1,)))
    with WorkPool("local", 2) as pool:
        outcomes = {outcome.key: outcome for outcome in pool.run(tasks)}
        again = [outcome.result for outcome in pool.run([Task(0, math.sqrt, (9.0,))])]
    assert len(outcomes) == len(tasks)
    assert "died" in str(outcomes["killer"].error)
    assert [outcomes[n].result for n in range(6)] == [math.sqrt(n) for n in range(6)]
    assert again == [3.0]


def test_wrong_schedulers_are_named():
    with pytest.raises(ConfigError, match="scheduler = 'cloud'"):
        WorkPool("cloud")


@pytest.mark.cluster
def test_dask_scheduler_gives_the_same():
    from distributed import LocalCluster

    tasks = [Task(n, math.sqrt, (float(n),)) for n in range(5)]
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        WorkPool(cluster.scheduler_address) as pool,
    ):
        outcomes = {outcome.key: outcome.result for outcome in pool.run(tasks)}
    assert outcomes == {n: math.sqrt(n) for n in range(5)}


@pytest.mark.cluster
def test_a_silent_scheduler_is_an_external_error():
    with (
        pytest.raises(ExternalService, match=r"tcp://127\.0\.0\.1:1"),
        WorkPool("tcp://127.0.0.1:1") as pool,
    ):
        list(pool.run([Task(0, math.sqrt, (1.0,))]))
