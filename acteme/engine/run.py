"""A run: the folder that one training leaves. It can be moved, copied and opened anywhere.

run.json                   system, data, stages, settings, seed, version, time, status
config.json, spec.json     what its systems are built from
STAGE/weights.safetensors  there as soon as the stage is done
STAGE/metrics.csv          a row per optimization step
STAGE/time.json            seconds that training took
STAGE/last.ckpt            where an unfinished stage goes on
catalog.parquet            names of items and what is known of them, where it learned from a log of items
values.parquet             names of the values of fields, where its events have fields
host/                      of a run that looks into another one: a copy of that
evaluation.json            written by `evaluate`
report.html                written by `report`
"""

import csv
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from acteme import __version__, catalog
from acteme.atomic import fresh_file, write_text
from acteme.engine.config import from_json, to_json
from acteme.engine.device import keep_memory
from acteme.engine.loader import entropy
from acteme.engine.settings import Settings
from acteme.errors import InputError
from acteme.recordings.spec import Spec

FORMAT = 1
"""Version of the folder's layout."""

TRAINED, UNFINISHED = "trained", "unfinished"


@dataclass(frozen=True)
class Run:
    """One training: where it is, what it was made from, and its trained modules."""

    folder: Path
    entry: catalog.Entry
    config: Any
    """The system's umbrella configuration: a field per stage."""
    spec: Spec
    data: str | None
    """The DATA string it was trained on; None where it was given recordings in memory."""
    settings: Settings
    clip: float = 0.0
    """Seconds of a typical (median) training recording: the window of a whole-clip system on a long recording."""
    created: str = ""
    version: str = __version__
    status: str = UNFINISHED

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def stages(self) -> tuple[str, ...]:
        """What is trained in turn."""
        return tuple(name for name, _ in self.entry.stages)

    def stage_folder(self, stage: str) -> Path:
        return self.folder / stage

    def weights(self, stage: str) -> Path:
        return self.folder / stage / "weights.safetensors"

    def done(self, stage: str) -> bool:
        """Whether the stage is trained."""
        return self.weights(stage).is_file()

    def seconds(self, stage: str) -> float | None:
        """What training the stage took, on the machine that it was trained on; None where nobody knows."""
        path = self.stage_folder(stage) / "time.json"
        return float(json.loads(path.read_text())["seconds"]) if path.is_file() else None

    def begun(self, stage: str) -> bool:
        """Whether the stage is trained, or there is a checkpoint from which it goes on."""
        return self.done(stage) or (self.stage_folder(stage) / "last.ckpt").is_file()

    def kind(self, stage: str) -> Callable[..., nn.Module]:
        """The class of a stage."""
        if stage not in self.stages:
            raise InputError(f"has no stage '{stage}'", self.folder, "its stages: " + ", ".join(self.stages))
        return getattr(self.entry.module(), dict(self.entry.stages)[stage])

    def can(self, method: str) -> bool:
        """Whether a trained stage has the method (`predict`, `encode`)."""
        return any(hasattr(self.kind(s), method) and self.done(s) for s in self.stages)

    def stage_with(self, method: str) -> str:
        """The last trained stage that has the method (`predict`, `encode`).

        Raises:
            InputError: no stage has it, or none that has it is trained yet.
        """
        able = [s for s in self.stages if hasattr(self.kind(s), method)]
        trained = [s for s in able if self.done(s)]
        if not able:
            raise InputError(f"system '{self.entry.slug}' cannot {method}", self.folder)
        if not trained:
            raise InputError(f"stage '{able[-1]}' is not trained yet", self.folder, "go on with: train … --resume")
        return trained[-1]

    def build(self, stage: str) -> nn.Module:
        """A fresh module of the stage; its weights follow from the run's seed, torch's generator is left alone.

        A stage that looks into another model (`attach`) is given it.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(entropy(self.settings.seed, stage, "initial weights"))
            module = self.kind(stage)(getattr(self.config, stage), self.spec)
            if hasattr(module, "attach"):
                from acteme.engine.host import host

                if (model := host(self, stage)) is not None:
                    module.attach(model)  # type: ignore[operator]
            return module

    def module(self, stage: str | None = None) -> nn.Module:
        """The trained module of a stage (None: the last one), on the CPU, in evaluation mode.
        Memory is kept (keep_memory)."""
        keep_memory()
        stage = stage or self.stages[-1]
        module = self.build(stage)
        if not self.done(stage):
            raise InputError(f"stage '{stage}' is not trained yet", self.folder, "go on with: train … --resume")
        try:
            module.load_state_dict(load_file(self.weights(stage)))
        except Exception as error:
            what = f"does not fit stage '{stage}' ({str(error).splitlines()[0]})"
            raise InputError(what, self.weights(stage), "train again, or use the version that wrote it") from error
        return module.eval()

    def save_weights(self, stage: str, state: dict[str, Tensor]) -> None:
        """Writes a stage's weights, whole or not at all."""
        own = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
        with fresh_file(self.weights(stage)) as work:
            save_file(own, work)

    def history(self, stage: str) -> dict[str, np.ndarray]:
        """Columns of the stage's metrics.csv; NaN where a row lacks a value."""
        path = self.stage_folder(stage) / "metrics.csv"
        if not path.exists():
            return {}
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
        columns = zip(*rows[1:], strict=True) if len(rows) > 1 else [()] * len(rows[0])
        return {n: np.array([float(v or "nan") for v in c]) for n, c in zip(rows[0], columns, strict=True)}

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """What `evaluate` found last, if it was called."""
        path = self.folder / "evaluation.json"
        return json.loads(path.read_text()) if path.exists() else None

    def save(self) -> None:
        """Writes run.json, config.json and spec.json."""
        meta = {
            "format": FORMAT,
            "system": self.entry.slug,
            "data": self.data,
            "stages": list(self.stages),
            "settings": asdict(self.settings),
            "seed": self.settings.seed,
            "clip": self.clip,
            "version": self.version,
            "created": self.created,
            "status": self.status,
        }
        write_text(self.folder / "config.json", json.dumps(to_json(self.config), indent=1))
        write_text(self.folder / "spec.json", json.dumps(self.spec.to_json(), indent=1))
        write_text(self.folder / "run.json", json.dumps(meta, indent=1))

    def trained(self, write: bool = True) -> "Run":
        """The same run, marked as finished; of several processes one writes it."""
        run = replace(self, status=TRAINED)
        if write:
            run.save()
        return run


def load(folder: Path | str | Run, entry: catalog.Entry | None = None) -> Run:
    """Opens a run folder.

    Args:
        folder: the folder; a `Run` is returned as it is.
        entry: the system, where it is not one of the catalog.

    Raises:
        InputError: no run, a broken one, or one of an unknown system or format.
    """
    if isinstance(folder, Run):
        return folder
    folder = Path(folder)
    meta = _read(folder, "run.json")
    if meta.get("format") != FORMAT:
        raise InputError(f"holds run format {meta.get('format')!r}", folder, f"this version reads format {FORMAT}")
    if entry is not None and entry.slug != meta["system"]:
        raise InputError(f"is a run of '{meta['system']}', not of '{entry.slug}'", folder)
    entry = entry or catalog.find(meta["system"])
    return Run(
        folder=folder,
        entry=entry,
        config=from_json(entry.module().Config, _read(folder, "config.json"), str(folder / "config.json")),
        spec=Spec.from_json(_read(folder, "spec.json")),
        data=meta["data"],
        settings=from_json(Settings, meta["settings"], str(folder / "run.json")),
        clip=meta["clip"],
        created=meta["created"],
        version=meta["version"],
        status=meta["status"],
    )


_LOADED: dict[tuple[Path, int, str], nn.Module] = {}


def loaded(run: Run, stage: str, device: str = "cpu") -> nn.Module:
    """The trained module of a stage on a device; the latest one is kept, so that a process loads it once."""
    path = run.weights(stage)
    key = (path.absolute(), path.stat().st_mtime_ns if path.exists() else 0, device)
    if key not in _LOADED:
        module = run.module(stage).to(device)
        _LOADED.clear()
        _LOADED[key] = module
    return _LOADED[key]


def fresh_name(slug: str, data: str | None, root: Path = Path("runs")) -> Path:
    """A folder that does not exist yet: runs/<system>-<data>-<time>."""
    stem = f"{slug}-{short_name(data)}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, count = root / stem, 1
    while path.exists():
        count += 1
        path = root / f"{stem}-{count}"
    return path


def short_name(data: str | None) -> str:
    """A DATA string as part of a file name: `ntu60:/data/nturgbd` is ntu60, a path its last part."""
    name = (data or "data").partition("?")[0]
    head, colon, _ = name.partition(":")
    name = head if colon and len(head) > 1 else Path(name).stem
    return re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("._") or "data"


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        values = json.loads((folder / name).read_text())
    except FileNotFoundError as error:
        what = "is not a run folder" if folder.exists() else "does not exist"
        raise InputError(what, folder, "give the folder that `acteme train` named") from error
    except (OSError, ValueError) as error:
        raise InputError("cannot be read", folder / name, "restore it or train again") from error
    if not isinstance(values, dict):
        raise InputError("is not a JSON object", folder / name, "restore it or train again")
    return values
