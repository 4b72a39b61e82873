"""All skeleton encoders under one protocol, on the same data: accuracy, parameters, operations, throughput.

Each encoder is trained from random weights with a linear layer on its pooled latents and cross entropy: the same clips,
crops, rotations, order, batch, epochs, optimizer and schedule. The learning rate is the one of two that is better on a
held-out fifth of the training split (first seed), for each encoder and data set. No system trains in its own manner
here, so that what is compared is the network, not the objective; what a system does to its input (modalities, parts,
velocities) is part of its network.
"""

import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from acteme import catalog
from acteme.atomic import write_text
from acteme.claims.experiment import commit, machine
from acteme.engine.config import configured
from acteme.engine.fit import Job, fit, quiet
from acteme.engine.head import LinearHead
from acteme.engine.loader import entropy
from acteme.engine.measures.recognition import clip_scores, labels
from acteme.engine.settings import Settings
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.augment import random_rotation
from acteme.recordings.skeleton.sample import center_resize, crop_resize
from acteme.recordings.sources import open_data
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.reports import encoders as page
from acteme.tasks import recognition

DATA = ("mocap?form=clips&layout=ntu25&views=2&train=600&test=400", "stage?train=800&test=400")
"""What is compared on unless told otherwise."""
WINDOWS = Windows(frames=None, limit=300)


@dataclass(frozen=True)
class Contestant:
    """An encoder: a stage of a system, with changes of its settings as `--set` takes them."""

    name: str
    slug: str
    stage: str
    changes: tuple[str, ...] = ()
    smaller: tuple[str, ...] = ()
    """Further changes in the small setting."""

    def build(self, spec: Spec, small: bool) -> nn.Module:
        """The stage with fresh weights, in the small setting or the official one."""
        config = configured(self.slug, "small" if small else "", self.changes + (self.smaller if small else ()))
        module = catalog.find(self.slug).module()
        kind = dict(catalog.find(self.slug).stages)[self.stage]
        return getattr(module, kind)(getattr(config, self.stage), spec)


PLAIN = (
    "recognize.size=32",
    "recognize.crop=1,1",
    "recognize.shortest=1",
    "recognize.middle=1",
    "recognize.rotation=0",
)
"""PSUMNet without crops and rotations of its own."""
ONE = (*PLAIN, "recognize.parts=body", "recognize.modalities=joint")
"""One stream of joints: the plain form of the graph networks."""
GRAPH = (
    "recognize.network=graph",
    "recognize.backbone.name=stgcn",
    "recognize.modalities=joint,bone,joint_motion,bone_motion",
)
HEATMAPS = ("recognize.network=rgbpose", "recognize.streams=pose", "recognize.sight.flip=0", "recognize.sight.area=1,1")
CONTESTANTS = (
    Contestant("ST-GCN", "psumnet", "recognize", (*ONE, "recognize.backbone.name=stgcn")),
    Contestant("2s-AGCN, one stream", "psumnet", "recognize", (*ONE, "recognize.backbone.name=agcn")),
    Contestant("CTR-GCN", "psumnet", "recognize", (*ONE, "recognize.backbone.name=ctrgcn")),
    Contestant("ST-GCN++", "psumnet", "recognize", (*ONE, "recognize.backbone.name=stgcnpp")),
    Contestant("PSUMNet, three part streams", "psumnet", "recognize", PLAIN),
    Contestant(
        "GAP, joints and bones",
        "gap",
        "recognize",
        (*PLAIN, "recognize.streams=joint,bone", "recognize.weight=0"),
        ("recognize.backbone.blocks=10",),
    ),
    Contestant(
        "BRL, joints, bones, skips",
        "brl",
        "recognize",
        (
            "recognize.streams=joint,bone,skip",
            "recognize.view.size=32",
            "recognize.view.rotation=0",
            "recognize.view.scale=0",
            "recognize.view.flip=0",
        ),
    ),
    Contestant(
        "PCAN, graph of four inputs",
        "pcan",
        "recognize",
        (*GRAPH, "recognize.sight.frames=32", "recognize.sight.flip=0"),
    ),
    Contestant(
        "PCAN, heatmaps",
        "pcan",
        "recognize",
        HEATMAPS,
        ("recognize.planes=16,8", "recognize.sight.size=64", "recognize.sight.test_size=64"),
    ),
    Contestant(
        "CAR's transformer",
        "car",
        "align",
        ("align.words=64", "align.judge=", "align.weights.recons=0", "align.features=relative"),
    ),
    Contestant("LAC's UNIK", "lac", "segment"),
    Contestant("HaLP's GRU", "halp", "pretrain"),
)


@dataclass(frozen=True)
class Protocol:
    """How every encoder is trained."""

    frames: int = 32
    """Frames that a clip is resized to."""
    crop: tuple[float, float] = (0.5, 1.0)
    """Smallest and largest part of a clip that is shown in training."""
    rotation: float = 0.3
    """Largest angle of the random rotation about each axis in training, radians."""
    epochs: int = 10
    """Passes over the training clips."""
    batch: int = 32
    """Clips per step."""
    rates: tuple[float, ...] = (1e-3, 4e-3)
    """Learning rates to choose from."""
    held: int = 5
    """One training clip in so many is held out for that choice."""
    rounds: int = 7
    """How often throughput is measured; its median counts."""
    clips: int = 16
    """Clips at a time for that."""

    def recipe(self, rate: float) -> Recipe:
        """AdamW with a cosine schedule."""
        return Recipe(optimizer="adamw", lr=rate, weight_decay=1e-3, epochs=self.epochs, batch=self.batch,
                      schedule="cosine", warmup=10, clip=5.0)  # fmt: skip


class Shown(nn.Module):
    """An encoder that is shown clips in the protocol's way.

    Args:
        encoder: a stage with `encode`.
        protocol: which way.
    """

    def __init__(self, encoder: nn.Module, protocol: Protocol):
        super().__init__()
        self.encoder, self.protocol = encoder, protocol

    def encode(self, batch: Batch) -> Latents:
        """Latents of a random crop, rotated (training), or of the whole clip, at `frames` frames."""
        p, x, frames = self.protocol, batch["skeleton"], batch["frames"]
        if self.training:
            x = random_rotation(crop_resize(x, frames, p.frames, p.crop, 1), p.rotation)
        else:
            x = center_resize(x, frames, p.frames, 1.0)
        rate = batch["fps"] * p.frames / frames.clamp(min=1)
        shown = {"skeleton": x, "fps": rate, "mask": torch.ones(x.shape[:2], dtype=torch.bool, device=x.device),
                 "frames": torch.full_like(frames, p.frames)}  # fmt: skip
        return self.encoder.encode({**batch, **shown})  # type: ignore[operator]


def compare(
    data: Sequence[str] = (),
    to: Path = Path("encoders"),
    *,
    names: Sequence[str] = (),
    seeds: int = 3,
    protocol: Protocol = Protocol(),
    work: Path = Path("runs/encoders"),
    workers: int = 1,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Compares the encoders and writes `to/encoders.json`, `encoders.md` and `encoders.html`.

    Args:
        data: DATA strings of single-label skeleton clips with splits train and test; `DATA` unless given.
        to: the folder to write.
        names: only these encoders; all unless given.
        seeds: trainings of each, which differ in initial weights, order, crops and rotations.
        protocol: how they are trained.
        work: where unfinished comparisons keep their results; call again to go on.
        workers: trainings at the same time.
        report: receives a line per finished training.

    Raises:
        InputError: an unknown encoder, or data without skeletons, single labels or splits.
    """
    chosen = [c for c in CONTESTANTS if not names or c.name in names]
    if unknown := set(names) - {c.name for c in chosen}:
        raise InputError(f"no encoder is called '{sorted(unknown)[0]}'", "--only",
                         "known: " + "; ".join(c.name for c in CONTESTANTS))  # fmt: skip
    if seeds < 1:
        raise InputError(f"{seeds} seeds", "--seeds", "give 1 or more")
    corpora = {name: _checked(name) for name in data or DATA}
    rows: list[dict[str, Any]] = [{**asdict(c), "accuracy": {}, "rate": {}} for c in chosen]
    for name in corpora:
        jobs = [partial(_cell, c, name, seeds, protocol, work) for c in chosen]
        for row, (accuracy, rate) in zip(rows, _each(jobs, workers), strict=True):
            row["accuracy"][name], row["rate"][name] = accuracy, rate
            report(f"{row['name']}, {name}: {100 * np.mean(accuracy):.1f}%")
    spec = next(iter(corpora.values())).spec
    for small in (True, False):
        for row, cost in zip(rows, costs(chosen, spec, protocol, small), strict=True):
            row["small" if small else "official"] = cost
    made = {
        "protocol": asdict(protocol),
        "seeds": seeds,
        "data": {name: {"classes": len(c.spec.classes), **{s: len(c.select(s)) for s in ("train", "test")}}
                 for name, c in corpora.items()},
        "encoders": rows,
        "layout": spec.layout,
        "commit": commit(),
        "machine": machine(),
    }  # fmt: skip
    to.mkdir(parents=True, exist_ok=True)
    write_text(to / "encoders.json", json.dumps(made, indent=1) + "\n")
    write_text(to / "encoders.md", page.markdown(made))
    write_text(to / "encoders.html", page.html(made))
    return made


def _checked(name: str) -> Corpus:
    """The data; InputError where it is not clips of one class with splits."""
    corpus = open_data(name)
    if "skeleton" not in corpus.arrays:
        raise InputError("has no skeletons", name, "give skeleton data")
    for split in ("train", "test"):
        labels(corpus.select(split))
    return corpus


def _each(jobs: Sequence[Callable[[], Any]], workers: int) -> list[Any]:
    if workers == 1:
        return [job() for job in jobs]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def _cell(c: Contestant, name: str, seeds: int, protocol: Protocol, work: Path) -> tuple[list[float], float]:
    """Accuracy of each seed on a data set, and the learning rate; what was found before is read back."""
    training = {k: v for k, v in asdict(protocol).items() if k not in ("rounds", "clips")}
    key = f"{entropy(json.dumps([asdict(c), name, training])):016x}"
    path = work / f"{key}.json"
    known = json.loads(path.read_text()) if path.exists() else {"held": {}, "accuracy": []}
    corpus = open_data(name)
    train, test = corpus.select("train"), corpus.select("test")
    train = train.select(rows=labels(train) >= 0)
    out = np.arange(len(train)) % protocol.held == 0
    for rate in protocol.rates if len(protocol.rates) > 1 else ():
        if str(rate) not in known["held"]:
            part, rest = train.select(rows=~out), train.select(rows=out)
            known["held"][str(rate)] = accuracy(c, part, rest, rate, 0, protocol)
            _keep(path, known)
    best = max(protocol.rates, key=lambda rate: (known["held"].get(str(rate), 0.0), -rate))
    while len(known["accuracy"]) < seeds:
        known["accuracy"].append(accuracy(c, train, test, best, len(known["accuracy"]), protocol))
        _keep(path, known)
    return known["accuracy"][:seeds], best


def _keep(path: Path, known: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(known))


def accuracy(c: Contestant, train: Corpus, test: Corpus, rate: float, seed: int, protocol: Protocol) -> float:
    """Top-1 accuracy of one training."""
    head = learner(c, train.spec, protocol, seed)
    with quiet(), tempfile.TemporaryDirectory(prefix="acteme-") as folder:
        job = Job("compare", head, protocol.recipe(rate), WINDOWS, train, Path(folder), c.name)
        head.load_state_dict(fit(job, Settings(seed=seed, progress=False, checkpoint=3600)))
    found = clip_scores(head.eval(), test, WINDOWS, 64)
    return recognition.top_k(found, labels(test))


def learner(c: Contestant, spec: Spec, protocol: Protocol, seed: int, small: bool = True) -> LinearHead:
    """An encoder with fresh weights and a linear layer on its latents."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(entropy(seed, c.name))
        shown = Shown(c.build(spec, small), protocol)
        with torch.no_grad():
            width = shown.eval().encode(_clips(spec, protocol, 1)).pooled.shape[-1]
        return LinearHead(shown, width, len(spec.classes), False, False, True)


def costs(chosen: Sequence[Contestant], spec: Spec, protocol: Protocol, small: bool) -> list[dict[str, float]]:
    """Of each encoder: `parameters` that its latents depend on, `flops` of a clip (multiply-adds count twice), and
    `speed`, clips per second against the first encoder's, in turns on one thread."""
    from torch.utils.flop_counter import FlopCounterMode

    heads, found = [learner(c, spec, protocol, 0, small) for c in chosen], []
    one, many = _clips(spec, protocol, 1), _clips(spec, protocol, protocol.clips)
    for head in heads:
        head.train().encoder.encode(_clips(spec, protocol, 2)).pooled.sum().backward()  # type: ignore[operator]
        used = sum(p.numel() for p in head.encoder.parameters() if p.grad is not None)
        head.eval().zero_grad()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            head.encoder.encode(one)  # type: ignore[operator]
        found.append({"parameters": float(used), "flops": float(counter.get_total_flops())})
    times: list[list[float]] = [[] for _ in heads]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            for _ in range(protocol.rounds):
                for head, spent in zip(heads, times, strict=True):
                    begun = time.process_time()
                    head.encoder.encode(many)  # type: ignore[operator]
                    spent.append(time.process_time() - begun)
    finally:
        torch.set_num_threads(threads)
    return [{**row, "speed": median(times[0]) / median(spent)} for row, spent in zip(found, times, strict=True)]


def _clips(spec: Spec, protocol: Protocol, count: int) -> Batch:
    """Random clips of one person in the shape of the data."""
    x = torch.randn(count, protocol.frames, spec.persons, spec.joints, spec.channels)
    return {
        "skeleton": x,
        "mask": torch.ones(x.shape[:2], dtype=torch.bool),
        "frames": torch.full((count,), protocol.frames),
        "fps": torch.full((count,), spec.fps),
        "label": torch.zeros(count, dtype=torch.int64),
        "index": torch.arange(count),
        "start": torch.zeros(count, dtype=torch.int64),
    }
