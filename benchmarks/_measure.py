"""What benchmarks share: processor time, peak memory of a process, and results as JSON. Needs nothing of Acteme.

Import it before NumPy and Torch: it keeps them to one thread, so that processor time is the time of the work.
"""

import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

os.environ["OMP_NUM_THREADS"] = "1"

Name = TypeVar("Name", bound=Hashable)
RESULTS = Path(__file__).parent / "results"


def fastest(jobs: Mapping[Name, Callable[[], object]], rounds: int) -> dict[Name, float]:
    """Least processor time of each job, in seconds; they take turns, so that a busy machine is busy for all."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, job in jobs.items():
            begun = time.process_time()
            job()
            best[name] = min(best[name], time.process_time() - begun)
    return best


class Memory:
    """Memory of this process: what it holds of its own (sampled), and the peak with the pages of mapped files."""

    def __init__(self) -> None:
        self.own = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.stop.wait(0.02):
            self.own = max(self.own, _status("RssAnon"))

    def peak(self) -> dict[str, float]:
        """Megabytes: `own` and `resident`."""
        self.stop.set()
        self.thread.join()
        return {"own": round(self.own / 1024, 1), "resident": round(_status("VmHWM") / 1024, 1)}


def _status(name: str) -> int:
    """A line of /proc/self/status, in kB (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def in_process(script: str, *arguments: object) -> dict[str, Any]:
    """Calls a script in a process of its own and returns the JSON object that it prints last."""
    command = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def machine() -> str:
    """The processor and the number of cores."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def row(what: str, against: str, ours: float, other: float, **more: object) -> dict[str, Any]:
    """A result: how many times as fast we are, from the seconds of both."""
    return {
        "what": what,
        "against": against,
        "ratio": float(f"{other / ours:.3g}"),
        "unit": "times as fast",
        "seconds": float(f"{ours:.4g}"),
        "other_seconds": float(f"{other:.4g}"),
        **more,
    }


def save(name: str, rows: list[dict[str, Any]], bound_by: str, **more: object) -> None:
    """Writes benchmarks/results/NAME.json and prints its rows. `bound_by` is a sentence for benchmarks/README.md."""
    RESULTS.mkdir(exist_ok=True)
    versions = {package: metadata.version(package) for package in ("numpy", "torch", "pyarrow")}
    about = {"machine": machine(), "python": platform.python_version(), **versions}
    text = json.dumps({"rows": rows, "bound_by": bound_by, **more, **about}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    for r in rows:
        print(f"{r['what']}: {r['ratio']:g} {r['unit']}, against {r['against']}")
