"""How much faster a sequential recommender is trained and evaluated than with RecBole, and whether it ranks as well.

Run from the repository: `python benchmarks/recommend_training.py FOLDER` (about six minutes). RecBole comes along for
its data only; its code needs NumPy 1 and more, in a folder of their own:

    pip install --target FOLDER --no-deps numpy==1.26.4 pandas==2.2.3 colorlog colorama thop tabulate texttable \\
        python-dateutil pytz six

Both sides train SASRec (64 wide, two blocks, two heads, 20 items, dropout 0.2) by cross entropy over all items, on the
last 33 ratings of each user of MovieLens-100K: all prefixes, batches of 256, Adam at 2e-3, 6 epochs, one thread.
RecBole gets each user's order in place of timestamps, which it would round to 64 seconds; so the splits are equal, ties
too. It runs in a process of its own and takes turns with ours, epoch by epoch and evaluation by evaluation; each counts
with its least processor time, data loading included, and results name the median, too.

RecBole's sequential models switch autograd's anomaly detection on for the whole process. It is off here, but for the
first epoch, which shows what it costs. RecBole's full ranking leaves the items that a user has seen among the
candidates; its time is that of its own evaluation, but NDCG@10 is computed for both sides from their scores by the same
code, with seen items removed. RecBole has no intervals; ours is timed without them and with them.

Results go to `benchmarks/results/recommend_training.json`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import median

from _measure import row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch

from acteme import catalog
from acteme.engine.measures import Asked, ranking
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.nn.recipe import Recipe
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.sources import open_data
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.icsrec import Config, RecommendConfig, Recommender
from acteme.tasks import places
from acteme.tasks.places import Lists
from acteme.tasks.ranking import by_user

LENGTH, EVENTS, EPOCHS, BATCH, WIDTH, DROP, RATE = 20, 33, 6, 256, 64, 0.2, 2e-3
SEEDS, ROUNDS = (0, 1), 12
MORE = 2
"""Epochs that RecBole takes beside those in bfloat16."""
WHAT = "SASRec on the last 33 ratings of each user of MovieLens-100K"


def log() -> list[np.ndarray]:
    """Items of the last events of each user, in order."""
    corpus = open_data("ml-100k").select("test")
    ends = corpus.column("offset") + corpus.frames
    return [corpus.arrays["item"][max(end - EVENTS, end - n) : end] for end, n in zip(ends, corpus.frames, strict=True)]


def corpus_of(users: list[np.ndarray]) -> Corpus:
    """Leave-one-out rows of them."""
    made = [
        Recording(f"{k} {split}", 1.0, {"item": user[: len(user) - held]}, split=split, subject=str(k))
        for split, held in (("train", 2), ("test", 0))
        for k, user in enumerate(users)
    ]
    return Corpus.of(made, Spec(items=int(max(map(max, users)))))


class RecBole:
    """The other side, in its process."""

    def __init__(self, users, seed, required, folder):
        data = folder / "recbole" / "log"
        data.mkdir(parents=True, exist_ok=True)
        lines = [f"{k}\t{item}\t{t}" for k, user in enumerate(users) for t, item in enumerate(user)]
        head = "user_id:token\titem_id:token\ttimestamp:float"
        (data / "log.inter").write_text("\n".join([head, *lines]) + "\n")
        told = {"length": LENGTH, "batch": BATCH, "lr": RATE, "width": WIDTH, "drop": DROP, "seed": seed,
                "items": int(max(map(max, users)))}  # fmt: skip
        script = Path(__file__).with_name("_recbole_sasrec.py")
        self.users, self.out, self.epochs, self.left = users, folder / f"scores-{seed}.npz", [], EPOCHS
        command = [sys.executable, script, required, data.parent, json.dumps(told), self.out]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"

    def do(self, what):
        """Seconds of processor time."""
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def epoch(self):
        """The next one, if any is left; the first with anomaly detection."""
        if self.left:
            self.epochs.append(self.do("epoch" if self.epochs else "epoch detecting anomalies"))
            self.left -= 1

    def ndcg(self):
        """By the same code as ours."""
        self.do("scores")
        with np.load(self.out) as kept:
            scores, target, rows = kept["scores"], kept["target"], kept["rows"]
        assert rows == sum(len(user) - 3 for user in self.users), "the same training rows"
        assert np.array_equal(target, [user[-1] for user in self.users]), "the same items are to be found"
        seen = Lists.of([user[:-1] for user in self.users])
        return by_user(places.count(scores, Lists.one(target), seen), (10,))["ndcg@10"].mean()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(users, seed, precision, folder, between):
    """What is asked to evaluate a training through the engine, and seconds of its epochs; `between` is called before
    each."""
    corpus = corpus_of(users)
    config = RecommendConfig(
        width=WIDTH, dropout=DROP, coarse=0.0, fine=0.0, windows=Windows(frames=LENGTH + 1, stride=1, prefixes=True),
        recipe=Recipe(optimizer="adam", lr=RATE, epochs=EPOCHS, batch=BATCH, drop_last=False),
    )  # fmt: skip
    begun, ended, plain = [], [], Recommender.before_epoch

    def before(self, epoch):
        ended.append(time.process_time())
        between()
        begun.append(time.process_time())

    Recommender.before_epoch = before
    settings = Settings(seed=seed, precision=precision, progress=False, checkpoint=600, accelerator="cpu")
    try:
        run = train(catalog.find("icsrec"), corpus, folder / f"{precision}-{seed}", config=Config(config),
                    settings=settings)  # fmt: skip
    finally:
        Recommender.before_epoch = plain
    asked = Asked(run, run.module("recommend").eval(), "recommend", corpus.select("test"), lambda: corpus, "full")
    return asked, np.subtract(ended[1:], begun[:-1]).tolist()


def ndcg_of(asked):
    return by_user(ranking.found(asked), (10,))["ndcg@10"].mean()


def evaluations(asked, rival):
    """Seconds of evaluations in turns: ours without intervals, with them, and RecBole's."""
    bare, sides = replace(asked, resamples=1), {"bare": [], "ours": [], "recbole": []}
    for _ in range(ROUNDS):
        for name, what in (("bare", bare), ("ours", asked)):
            start = time.process_time()
            ranking.measure(what)
            sides[name].append(time.process_time() - start)
        sides["recbole"].append(rival.do("evaluate"))
    return sides


def main(required):
    torch.set_num_threads(1)
    users, spent, ndcg = log(), defaultdict(list), defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        for seed in SEEDS:
            rival = RecBole(users, seed, required, Path(place))
            for name, precision in (("float32", "32"), ("bfloat16", "bf16")):
                asked, epochs = ours(users, seed, precision, Path(place), rival.epoch)
                spent[name] += epochs
                ndcg[name].append(round(float(ndcg_of(asked)), 4))
                if name == "float32":
                    ndcg["recbole"].append(round(float(rival.ndcg()), 4))
                    for side, seconds in evaluations(asked, rival).items():
                        spent[f"{side} evaluation"] += seconds
                    rival.left = MORE
            rival.close()
            spent["anomaly"] += rival.epochs[:1]
            spent["recbole"] += rival.epochs[1:]
            print({name: [round(s, 3) for s in some] for name, some in spent.items()}, dict(ndcg), flush=True)

    def held(what, against, side, other, **more):
        medians = {"median seconds": median(spent[side]), "other median seconds": median(spent[other])}
        medians = {name: float(f"{value:.4g}") for name, value in medians.items()}
        return row(what, against, min(spent[side]), min(spent[other]), **medians, **more)

    of = {f"{side} NDCG@10 by seed": values for side, values in ndcg.items()}
    ranked = "its full ranking of 943 users without seen items"
    rows = [
        held(f"an epoch of {WHAT}", "RecBole without anomaly detection", "float32", "recbole", **of),
        held(f"an epoch of {WHAT}, in bfloat16", "RecBole in float32 without anomaly detection", "bfloat16", "recbole"),
        held(f"an epoch of {WHAT}", "RecBole as it comes", "float32", "anomaly"),
        held(f"an epoch of {WHAT}, in bfloat16", "RecBole as it comes", "bfloat16", "anomaly"),
        held(ranked, "RecBole with seen items", "bare evaluation", "recbole evaluation"),
        held(f"{ranked}, with intervals", "RecBole with seen items", "ours evaluation", "recbole evaluation"),
    ]
    save("recommend_training", rows, "products of matrices, half of the time of a step in float32")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(print("left out: name the folder with RecBole's requirements (see the script)"))
    main(sys.argv[1])
