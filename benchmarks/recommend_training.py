"""How much faster a sequential recommender is trained and evaluated than with RecBole, and whether it ranks as well.

Run from the repository: `python benchmarks/recommend_training.py FOLDER` (about six minutes). RecBole comes along for
its data only; its code needs NumPy 1 and more, in a folder of their own:

    pip install --target FOLDER --no-deps numpy==1.26.4 pandas==2.2.3 colorlog colorama thop tabulate texttable \\
        python-dateutil pytz six

Both sides train SASRec (64 wide, two blocks, two heads, 20 items, dropout 0.2) by cross entropy over all items, on the
last 33 ratings of each user of MovieLens-100K: all prefixes, batches of 256, Adam at 2e-3, 6 epochs, one thread.
RecBole gets each user's order in place of timestamps, which it would round to 64 seconds; so the splits are equal, ties
too. Each side runs in a process of its own; an epoch counts with its least processor time, data loading included.

RecBole's sequential models switch autograd's anomaly detection on for the whole process. It is off here, but for one
epoch that shows what it costs. RecBole's full ranking leaves the items that a user has seen among the candidates; its
time is that of its own evaluation, but NDCG@10 is computed for both sides from their scores by the same code, with seen
items removed.

Results go to `benchmarks/results/recommend_training.json`.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from _measure import in_process, row, save  # isort: skip; keeps NumPy and Torch to one thread

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
SEEDS, ROUNDS = (0, 1), 5
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


def ours(users, seed, precision, folder):
    """NDCG@10, and seconds of an epoch and of an evaluation, of a training through the engine."""
    corpus = corpus_of(users)
    config = RecommendConfig(
        width=WIDTH, dropout=DROP, coarse=0.0, fine=0.0, windows=Windows(frames=LENGTH + 1, stride=1, prefixes=True),
        recipe=Recipe(optimizer="adam", lr=RATE, epochs=EPOCHS, batch=BATCH, drop_last=False),
    )  # fmt: skip
    begun, plain = [], Recommender.before_epoch
    Recommender.before_epoch = lambda self, epoch: begun.append(time.process_time())
    settings = Settings(seed=seed, precision=precision, progress=False, checkpoint=600, accelerator="cpu")
    try:
        run = train(catalog.find("icsrec"), corpus, folder / f"{precision}-{seed}", config=Config(config),
                    settings=settings)  # fmt: skip
    finally:
        Recommender.before_epoch = plain
    asked = Asked(run, run.module("recommend").eval(), "recommend", corpus.select("test"), lambda: corpus, "full")
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        ranking.measure(asked)
        spent.append(time.process_time() - start)
    ndcg = by_user(ranking.found(asked), (10,))["ndcg@10"].mean()
    return {"ndcg": float(ndcg), "epoch": float(min(np.diff(begun))), "evaluation": min(spent)}


def recbole(users, seed, required, folder):
    """The same of RecBole, and of an epoch with anomaly detection."""
    data = folder / "recbole" / "log"
    data.mkdir(parents=True, exist_ok=True)
    lines = [f"{k}\t{item}\t{t}" for k, user in enumerate(users) for t, item in enumerate(user)]
    head = "user_id:token\titem_id:token\ttimestamp:float"
    (data / "log.inter").write_text("\n".join([head, *lines]) + "\n")
    items = int(max(map(max, users)))
    told = {"length": LENGTH, "batch": BATCH, "lr": RATE, "width": WIDTH, "drop": DROP, "seed": seed, "epochs": EPOCHS,
            "rounds": ROUNDS, "items": items}  # fmt: skip
    script = str(Path(__file__).with_name("_recbole_sasrec.py"))
    out = folder / f"scores-{seed}.npz"
    made = in_process(script, required, data.parent, json.dumps(told), out)
    assert made["rows"] == sum(len(user) - 3 for user in users), "the same training rows"
    with np.load(out) as kept:
        scores, target = kept["scores"], kept["target"]
    assert np.array_equal(target, [user[-1] for user in users]), "the same items are to be found"
    seen = Lists.of([user[:-1] for user in users])
    ndcg = by_user(places.count(scores, Lists.one(target), seen), (10,))["ndcg@10"].mean()
    return made | {"ndcg": float(ndcg)}


def main(required):
    torch.set_num_threads(1)
    users = log()
    sides = {"float32": [], "bfloat16": [], "recbole": []}
    with tempfile.TemporaryDirectory() as place:
        for seed in SEEDS:
            sides["recbole"].append(recbole(users, seed, required, Path(place)))
            for name, precision in (("float32", "32"), ("bfloat16", "bf16")):
                sides[name].append(ours(users, seed, precision, Path(place)))
            print({name: some[-1] for name, some in sides.items()}, flush=True)

    def least(side, what):
        return min(made[what] for made in sides[side])

    ndcg = {f"{side} NDCG@10 by seed": [round(made["ndcg"], 4) for made in some] for side, some in sides.items()}
    rows = [
        row(f"an epoch of {WHAT}", "RecBole without anomaly detection", least("float32", "epoch"),
            least("recbole", "epoch"), **ndcg),
        row(f"an epoch of {WHAT}, in bfloat16", "RecBole in float32 without anomaly detection",
            least("bfloat16", "epoch"), least("recbole", "epoch")),
        row(f"an epoch of {WHAT}", "RecBole as it comes", least("float32", "epoch"), least("recbole", "anomaly")),
        row(f"an epoch of {WHAT}, in bfloat16", "RecBole as it comes", least("bfloat16", "epoch"),
            least("recbole", "anomaly")),
        row("its full ranking of 943 users without seen items, with intervals", "RecBole with seen items",
            least("float32", "evaluation"), least("recbole", "evaluation")),
    ]  # fmt: skip
    save("recommend_training", rows, "products of matrices, half of the time of a step in float32")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(print("left out: name the folder with RecBole's requirements (see the script)"))
    main(sys.argv[1])
