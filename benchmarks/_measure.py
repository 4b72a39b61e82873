"""What benchmarks share: paired times, peak memory of a process, and results as JSON. Needs nothing of Acteme."""

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def paired(ours: Callable[[], object], other: Callable[[], object], rounds: int = 7) -> dict[str, float]:
    """Seconds of both (medians) and how many times faster ours is (median of the ratios), measured in turns."""
    times = [(seconds(ours), seconds(other)) for _ in range(rounds)]
    a, b = zip(*times, strict=True)
    ratio = statistics.median(y / x for x, y in times)
    return {"ours": statistics.median(a), "other": statistics.median(b), "times_faster": ratio}


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


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
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] \
        if info.exists() else []  # fmt: skip
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def save(name: str, result: dict[str, Any]) -> None:
    """Writes benchmarks/results/NAME.json and prints it."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({**result, "machine": machine()}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)
