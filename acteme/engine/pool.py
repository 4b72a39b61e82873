"""The same function over many tasks: in this process, in a pool of processes, or on Ray."""

import importlib.util
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from acteme.errors import ActemeError, DataWarning, InputError, MissingError

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Tasks per worker that wait or run at a time, so that memory does not grow with their number."""

WORTHWHILE = 64
"""Recordings per worker from which another process is worth its start."""


def worker_count(workers: int | None, recordings: int) -> int:
    """How many processes to use: as told, else one per core where there are recordings enough for them."""
    if workers is not None:
        if workers < 1:
            raise InputError(f"{workers} processes", "--workers", "give 1 or more")
        return workers
    return max(1, min(os.cpu_count() or 1, recordings // WORTHWHILE))


def pool_map(function: Callable[[T], R], tasks: Iterable[T], workers: int = 1, ray: bool = False) -> Iterator[R]:
    """Results in the order of the tasks, each as soon as it and those before it are there.

    Args:
        function: called with one task; it and the tasks are sent to other processes unless `workers` is 1.
        tasks: taken as they are needed.
        workers: processes; with Ray, tasks that run at a time.
        ray: run on Ray, on the cluster that RAY_ADDRESS names or on this machine.

    Raises:
        ActemeError: what a task raised, unchanged.
        MissingError: Ray is not installed.
    """
    if ray:
        return _on_ray(function, tasks, workers)
    if workers == 1:
        return map(function, tasks)
    return _in_processes(function, tasks, workers)


def _in_processes(function: Callable[[T], R], tasks: Iterable[T], workers: int) -> Iterator[R]:
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=workers, return_as="generator", pre_dispatch=AHEAD * workers, batch_size=1)
    results = pool(delayed(_quietly)(function, task, workers) for task in tasks)
    try:
        yield from map(_said, results)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that results were left unused is the caller's choice
            results.close()


def _quietly(function: Callable[[T], R], task: T, workers: int) -> tuple[R, list[str]]:
    """In a worker: the cores are shared among the workers."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
    return _noted(function, task)


def _noted(function: Callable[[T], R], task: T) -> tuple[R, list[str]]:
    """In a worker: a result, and what is to be known of the data."""
    notes: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        shown = warnings.showwarning

        def keep(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if issubclass(category, DataWarning):
                notes.append(str(message))
            else:
                shown(message, category, *where)

        warnings.showwarning = keep  # type: ignore[assignment]
        return function(task), notes


def _said(made: tuple[R, list[str]]) -> R:
    """In the process that asked: says what is to be known."""
    result, notes = made
    for note in notes:
        warnings.warn(note, DataWarning, stacklevel=2)
    return result


def _on_ray(function: Callable[[T], R], tasks: Iterable[T], workers: int) -> Iterator[R]:
    if importlib.util.find_spec("ray") is None:
        raise MissingError("Ray is not installed; run: pip install 'acteme[ray]'")
    import ray

    started = not ray.is_initialized()
    if started:
        logging.getLogger("ray").setLevel(logging.ERROR)
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    try:
        held: Any = ray.put(function)
        remote: Any = ray.remote(_noted)
        queue, waiting = iter(tasks), []  # type: ignore[var-annotated]
        while True:
            waiting += [remote.remote(held, task) for task in islice(queue, AHEAD * workers - len(waiting))]
            if not waiting:
                return
            yield _said(_result(ray, waiting.pop(0)))
    finally:
        if started:
            ray.shutdown()


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ActemeError):
            raise error.cause from None
        raise
