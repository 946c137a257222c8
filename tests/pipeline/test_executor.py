"""A work pool yields exactly one outcome for each task, whatever happens to the worker."""

import math
import os
import types

import pytest

from polarnight.config import get_settings, load_settings, use_settings
from polarnight.errors import BadFrame, ConfigError, ExternalService
from polarnight.instruments import all_instruments
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


DECLARED = """
telescope: {name: HOME-C11, longitude: -3.7, latitude: 40.4}
name: HOME-CCD
recognise: {INSTRUME: Home}
size: [100, 80]
pixel_scale: 0.28
gain: 1.7
read_noise: 3.5
"""


@pytest.fixture
def declared(tmp_path):
    """Declare an observatory in a directory that only this process knows of."""
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "home.yaml").write_text(DECLARED)
    before = get_settings()
    use_settings(load_settings(overrides={"datadir": tmp_path}))
    yield tmp_path / "instruments" / "home.yaml"
    use_settings(before)


def _look():  # pragma: no cover - runs in a worker
    from polarnight.instruments import all_instruments
    from polarnight.telescopes import all_telescopes

    camera = all_instruments().get("HOME-CCD")
    return os.getpid(), camera and camera.detector().gain, "HOME-C11" in all_telescopes()


def _by_value(function):
    """Return the function as one that travels by value: workers cannot import tests."""
    return types.FunctionType(function.__code__, {"os": os, "__builtins__": __builtins__})


def _ask(pool, count=2):
    outcomes = list(pool.run([Task(n, _by_value(_look)) for n in range(count)]))
    assert all(outcome.ok for outcome in outcomes), outcomes
    assert all(outcome.result[0] != os.getpid() for outcome in outcomes)
    return {outcome.result[1:] for outcome in outcomes}


def test_workers_know_the_declared_observatories(declared):
    with WorkPool("local", 2) as pool:
        assert _ask(pool) == {(1.7, True)}
        declared.write_text(DECLARED.replace("gain: 1.7", "gain: 2.5"))
        assert _ask(pool) == {(2.5, True)}
        declared.unlink()
        assert _ask(pool) == {(None, False)}


@pytest.mark.cluster
def test_workers_of_a_cluster_know_them_too(declared):
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        WorkPool(cluster.scheduler_address) as pool,
    ):
        assert _ask(pool) == {(1.7, True)}
        declared.unlink()
        assert _ask(pool) == {(None, False)}


@pytest.mark.cluster
def test_workers_that_are_threads_of_this_process_change_nothing(declared):
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        WorkPool(cluster.scheduler_address) as pool,
    ):
        assert [o.result for o in pool.run([Task(n, math.sqrt, (4.0,)) for n in range(2)])]
    assert "HOME-CCD" in all_instruments()
    declared.unlink()
    assert "HOME-CCD" not in all_instruments()


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
