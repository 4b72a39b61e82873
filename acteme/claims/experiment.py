"""A claim as an experiment: every arm on the same data, budget and seeds; paired interval; verdict; ledger.

An experiment has arms (settings to compare) and comparisons (what was claimed, as two arms and a metric). One seed is
one job: it runs all arms in order in one process, so that what arms share (a world, a frozen earlier stage) is made
once. Each finished (seed, arm) is a small JSON file, so that an experiment that was killed goes on where it was.
"""

import hashlib
import json
import multiprocessing
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from acteme import catalog
from acteme.atomic import write_text
from acteme.errors import ActemeError, InputError
from acteme.reports import ledger
from acteme.tasks.intervals import paired_interval

Metrics = dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """One claim: arm `ours` against arm `baseline` on a metric."""

    claim: str
    """The claim in one sentence."""
    metric: str
    ours: str
    baseline: str
    higher_is_better: bool = True
    margin: float = 0.0
    """How much worse ours may be, where the claim is that it is not worse."""


@dataclass(frozen=True)
class Experiment:
    """What is run and what is concluded from it."""

    slug: str
    world: str
    """The data, as a DATA string or in words."""
    arms: tuple[str, ...]
    run: Callable[[str, int, Path], Metrics]
    """(arm, seed, folder shared by the arms of this seed) -> metrics on the evaluation split. A top-level function."""
    comparisons: tuple[Comparison, ...]
    settings: dict[str, Any]
    """Everything that decides the results; hashed into `config_hash`."""
    seeds: int = 5
    """How many seeds unless told otherwise."""

    @property
    def config_hash(self) -> str:
        text = json.dumps([self.slug, self.world, self.arms, self.settings], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def experiment(slug: str, tiny: bool = False) -> Experiment:
    """The experiment of a system; `tiny` is the setting that only shows that the machinery runs."""
    catalog.find(slug)
    return import_module(f"acteme.claims.{slug}").build(tiny)


def claim(
    slug: str,
    seeds: int | None = None,
    *,
    to: Path = Path("ledger"),
    work: Path = Path("runs/claims"),
    workers: int | None = None,
    tiny: bool = False,
    report: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Runs the experiment of a system and writes `to/SLUG.json`.

    Args:
        slug: a system of the catalog.
        seeds: number of seeds (0, 1, ...); None: the experiment's own number, at least five.
        to: the ledger's folder.
        work: where unfinished experiments keep their results.
        workers: seeds run at the same time, each in a process of its own, or (1) in turn in this one; None: one per
            processor.
        tiny: the tiny setting (for tests); its result is not evidence.
        report: receives a line per finished seed.

    Returns:
        One ledger entry per comparison.
    """
    e = experiment(slug, tiny)
    chosen = tuple(range(e.seeds if seeds is None else seeds))
    if len(chosen) < 2:
        raise InputError("a paired interval needs at least two seeds", "--seeds", "give 5 or more")
    folder = work / f"{slug}-{e.config_hash}"
    cells = _run(slug, tiny, e, chosen, folder, workers, report)
    minutes = sum(c["minutes"] for per_arm in cells.values() for c in per_arm.values())
    entries = [_conclude(e, c, chosen, cells, minutes) for c in e.comparisons]
    ledger.write(to, slug, entries)
    return entries


def _run(slug: str, tiny: bool, e: Experiment, seeds: Sequence[int], folder: Path, workers: int | None,
         report: Callable[[str], None]) -> dict[int, dict[str, Any]]:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    processors = os.cpu_count() or 1
    workers = min(workers or processors, len(seeds))
    places = {seed: folder / f"seed-{seed}" for seed in seeds}
    if workers == 1:
        for seed, place in places.items():
            report(f"{slug}: seed {seed} done " + _line(_seed(slug, tiny, seed, place)))
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, spawn, _keep_to, (max(1, processors // workers),)) as pool:
            jobs = {pool.submit(_seed, slug, tiny, seed, place): seed for seed, place in places.items()}
            for done in as_completed(jobs):
                report(f"{slug}: seed {jobs[done]} done " + _line(done.result()))
    return {seed: _cells(place, e.arms) for seed, place in places.items()}


def _keep_to(threads: int) -> None:
    """This process's share of the processors."""
    import torch

    torch.set_num_threads(min(threads, torch.get_num_threads()))  # OMP_NUM_THREADS may ask for fewer


def _seed(slug: str, tiny: bool, seed: int, folder: Path) -> dict[str, Any]:
    """All arms of one seed, in order; finished ones are read back."""
    e = experiment(slug, tiny)
    folder.mkdir(parents=True, exist_ok=True)
    for arm in e.arms:
        path = folder / f"{arm}.json"
        if path.exists():
            continue
        begin = time.monotonic()
        metrics = e.run(arm, seed, folder)
        cell = {"metrics": metrics, "minutes": (time.monotonic() - begin) / 60}
        write_text(path, json.dumps(cell))
    return _cells(folder, e.arms)


def _cells(folder: Path, arms: Sequence[str]) -> dict[str, Any]:
    try:
        return {arm: json.loads((folder / f"{arm}.json").read_text()) for arm in arms}
    except (OSError, ValueError) as error:
        raise ActemeError(f"{folder}: an arm left no result ({error}); delete the folder and run again") from error


def _line(cells: dict[str, Any]) -> str:
    return "; ".join(
        f"{arm} " + " ".join(f"{k}={v:.4g}" for k, v in cell["metrics"].items()) for arm, cell in cells.items()
    )


def _conclude(e: Experiment, c: Comparison, seeds: Sequence[int], cells: dict[int, dict[str, Any]],
              minutes: float) -> dict[str, Any]:  # fmt: skip
    arms = {arm: [cells[seed][arm]["metrics"][c.metric] for seed in seeds] for arm in e.arms}
    mean, low, high = paired_interval(np.array(arms[c.ours]), np.array(arms[c.baseline]))
    return {
        "slug": e.slug,
        "claim": c.claim,
        "world": e.world,
        "metric": c.metric,
        "higher_is_better": c.higher_is_better,
        "seeds": list(seeds),
        "arms": arms,
        "ours": c.ours,
        "baseline": c.baseline,
        "difference": {"mean": mean, "low": low, "high": high},
        **({"margin": c.margin} if c.margin else {}),
        "verdict": verdict(low, high, c.higher_is_better, c.margin),
        "config_hash": e.config_hash,
        "settings": json.loads(json.dumps(e.settings, default=str)),
        "commit": commit(),
        "machine": machine(),
        "minutes": round(minutes, 2),
    }


def verdict(low: float, high: float, higher_is_better: bool = True, margin: float = 0.0) -> str:
    """`holds` where the whole interval of (ours - baseline) is on the claimed side of zero, `fails` where it is on the
    other, `undecided` where it contains zero or is undefined; with a margin, of how much worse ours may be instead."""
    if not higher_is_better:
        low, high = -high, -low
    low, high = low + margin, high + margin
    if low > 0:
        return "holds"
    return "fails" if high < 0 else "undecided"


def machine() -> str:
    """Processor, cores and torch version, for the record."""
    import torch

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, torch {torch.__version__}"


def commit() -> str:
    """The code's commit where it runs from a checkout, else the package's version."""
    from acteme import __version__

    here = Path(__file__).parent.parent

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return __version__
