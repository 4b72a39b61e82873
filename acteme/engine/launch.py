"""Several processes on this machine for one training stage, without touching the caller's script or notebook."""

import importlib
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from acteme.errors import ActemeError


def launched() -> bool:
    """Whether another launcher (torchrun, srun) has started this process as one of several."""
    return "LOCAL_RANK" in os.environ or "SLURM_LOCALID" in os.environ


def launch(function: str, arguments: tuple[Any, ...], processes: int) -> None:
    """Calls `module:function` with the arguments in so many processes, which see LOCAL_RANK 0, 1, ...

    Raises:
        ActemeError: one of them failed; its own error where that is one of Acteme's. The others are ended.
    """
    with tempfile.TemporaryDirectory(prefix="acteme-") as folder:
        job = Path(folder) / "job"
        job.write_bytes(pickle.dumps((function, arguments)))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0",
                  "TORCH_CPP_LOG_LEVEL": "ERROR",
                  "WORLD_SIZE": str(processes), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}  # fmt: skip
        command = [sys.executable, "-m", "acteme.engine.launch", str(job)]
        workers = [
            subprocess.Popen(command, env={**os.environ, **common, "LOCAL_RANK": str(rank)})
            for rank in range(processes)
        ]
        try:
            while any(w.poll() is None for w in workers) and not any(w.poll() for w in workers):
                time.sleep(0.05)
        finally:
            codes = [_end(worker) for worker in workers]
        failed = [rank for rank, code in enumerate(codes) if code > 0] or [r for r, code in enumerate(codes) if code]
        if not failed:
            return
        said = Path(folder) / f"error-{failed[0]}"
        if said.exists():
            raise pickle.loads(said.read_bytes())
        raise ActemeError(
            f"process {failed[0]} of {processes} ended with code {codes[failed[0]]}; see its message above"
        )


def _end(worker: subprocess.Popen[bytes], grace: float = 30.0) -> int:
    """Lets a process that still runs write its checkpoint, then ends it."""
    if worker.poll() is None:
        worker.terminate()
    try:
        return worker.wait(grace)
    except subprocess.TimeoutExpired:
        worker.kill()
        return worker.wait()


def _work(job: Path) -> None:
    function, arguments = pickle.loads(job.read_bytes())
    module, _, name = function.partition(":")
    try:
        getattr(importlib.import_module(module), name)(*arguments)
    except ActemeError as error:
        (job.parent / f"error-{os.environ['LOCAL_RANK']}").write_bytes(pickle.dumps(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
