"""The same results in order from this process, from a pool and from Ray; errors pass unchanged."""

import os
import warnings

import numpy as np
import pytest

from acteme.engine import pool as module
from acteme.engine.encode import encode
from acteme.engine.pool import pool_map, worker_count
from acteme.engine.predict import predict
from acteme.errors import DataWarning, InputError, MissingError
from tests.engine.trained import alike, segmenting


def square(x):
    if x < 0:
        raise InputError(f"{x} is negative", "task", "give more")
    return x * x, os.getpid()


@pytest.fixture(scope="module")
def cluster():
    """A local Ray, started once for this file."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("workers", "ray"), [(1, False), (2, False), (2, True)])
def test_results_come_in_order_and_errors_unchanged(workers, ray):
    results = list(pool_map(square, iter(range(6)), workers, ray))
    assert [r[0] for r in results] == [0, 1, 4, 9, 16, 25]
    assert (os.getpid() in {r[1] for r in results}) == (workers == 1 and not ray)
    with pytest.raises(InputError, match="task: -1 is negative; give more"):
        list(pool_map(square, [1, -1, 2], workers, ray))


def noting(n):
    warnings.warn(f"{n} is left out", DataWarning, stacklevel=2)
    return n


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("workers", "ray"), [(1, False), (2, False), (2, True)])
def test_what_is_to_be_known_of_the_data_is_said_in_this_process(workers, ray):
    with pytest.warns(DataWarning) as told:
        assert list(pool_map(noting, [3, 4], workers, ray)) == [3, 4]
    assert [str(w.message) for w in told] == ["3 is left out", "4 is left out"]


@pytest.mark.usefixtures("cluster")
def test_ray_encodes_the_same_as_this_process(tmp_path):
    run, corpus = segmenting()
    one, two = encode(run, corpus, tmp_path / "a"), encode(run, corpus, tmp_path / "b", workers=2, ray=True)
    for a, b in zip(*(t.open().to_arrow().to_pylist() for t in (one, two)), strict=True):
        np.testing.assert_allclose(a.pop("vector"), b.pop("vector"), rtol=1e-4)
        assert a == b


@pytest.mark.usefixtures("cluster")
def test_ray_predicts_the_same_as_this_process():
    run, corpus = segmenting()
    assert alike(list(predict(run, corpus, workers=2, ray=True)), list(predict(run, corpus)))


def test_tasks_are_taken_as_they_are_needed():
    taken = []
    results = pool_map(lambda x: x, (taken.append(i) or i for i in range(100)), 1)
    assert next(results) == 0 and taken == [0]


def test_processes_are_used_where_there_is_enough_for_them(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 4)
    assert [worker_count(None, n) for n in (1, 127, 128, 1000)] == [1, 1, 2, 4]
    assert worker_count(3, 1) == 3
    with pytest.raises(InputError, match="0 processes; give 1 or more"):
        worker_count(0, 1)


def test_a_missing_ray_says_the_command(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"pip install 'acteme\[ray\]'"):
        list(pool_map(square, [1], 1, ray=True))
