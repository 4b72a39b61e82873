"""How many more events a second APE learns from than the usual loop, and than the PyTorch version done its way.

Run from the repository: `python benchmarks/ape_training.py` (about a minute). All sides take the same events and noise
distributions, start from the same weights and run in one process on one thread; a step is loss, gradients and
optimizer. Times are processor time, the best of several rounds, the sides in turns.

The usual loop: an embedding per field, false events made whole, each of the 1 + k scored by a loop over pairs.
The PyTorch version, written from its description: an embedding per field, all m k false events of a batch made whole,
products of all pairs at once by indexing; all of its settings (width 128, 3 draws in each field, batches of 128). For
tables of many values: gradients and steps of the rows that a batch touches (`sparse`) against all.

Results go to `benchmarks/results/ape_training.json`.
"""

from dataclasses import replace

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import torch
import torch.nn.functional as F
from torch import nn

from acteme.engine.optimize import optimizer
from acteme.recordings.spec import Spec
from acteme.systems.detect.ape import DetectConfig, Detector, Noise

HOST = (3, 47, 7, 26, 50, 38, 9, 9, 4, 5)
"""Values of the fields of a recorded host."""
STEPS = 20


def events(sizes, count, seed=0):
    """Events whose values are about as uneven as those of a log."""
    make = torch.Generator().manual_seed(seed)
    return torch.stack([(torch.rand(count, generator=make) ** 3 * s).long() for s in sizes], 1)


def build(config, sizes, log):
    torch.manual_seed(0)
    module = Detector(config, Spec(fps=1.0, fields=tuple(map(str, range(len(sizes)))), sizes=sizes))
    module.calibrate([{"field": log[:, None], "mask": torch.ones(len(log), 1, dtype=torch.bool)}])
    return module


def plain(module):
    """The same weights as an embedding per field, the noise as a distribution per field."""
    tables = [
        nn.Embedding.from_pretrained(t.clone(), freeze=False) for t in module.table.weight.detach().split(module.sizes)
    ]
    noise = [log.exp() for log in module.log_noise.split(module.sizes)]
    weights = nn.Parameter(module.weight.detach().clone())
    return nn.ModuleList(tables), noise, weights, nn.Parameter(module.constant.detach().clone())


def usual(parts, k):
    """Loss of a batch, a field a row replaced, pair by pair."""
    tables, noise, weights, constant = parts

    def score(rows):
        vectors = [table(rows[:, f]) for f, table in enumerate(tables)]
        total, pair = constant.expand(len(rows)), 0
        for i in range(len(tables)):
            for j in range(i):
                total = total + weights[pair] * (vectors[i] * vectors[j]).sum(1)
                pair += 1
        return total

    def loss(batch):
        place = torch.randint(len(tables), (len(batch),))
        false = batch.repeat_interleave(k, 0)
        both, where = torch.cat([batch, false]), torch.cat([place, place.repeat_interleave(k)])
        told = torch.zeros(len(both))
        for f, own in enumerate(noise):
            at = (where == f) & (torch.arange(len(both)) >= len(batch))
            both[at, f] = torch.multinomial(own, int(at.sum()), replacement=True) if at.any() else both[at, f]
            here = where == f
            told[here] = (k * own[both[here, f]]).log()
        sign = torch.cat([torch.ones(len(batch)), -torch.ones(len(false))])
        return F.softplus(-sign * (score(both) - told)).sum() / len(batch)

    return loss


def official(parts, k):
    """Loss of a batch, all fields replaced in turn, all pairs by indexing."""
    tables, noise, weights, constant = parts
    m = len(tables)
    pairs = [(i, j) for i in range(m) for j in range(i)]
    first, second = [i for i, _ in pairs], [j for _, j in pairs]

    def loss(batch):
        n = len(batch)
        false, told = batch.repeat(m * k, 1), torch.ones(n * m * k)
        for f in range(m):
            a, b = n * k * f, n * k * (f + 1)
            false[a:b, f] = torch.multinomial(noise[f], n * k, replacement=True)
            told[a:b] = noise[f][false[a:b, f]]
        rows = torch.cat([false, batch])
        vectors = torch.stack([table(rows[:, f]) for f, table in enumerate(tables)], 1)
        score = (vectors[:, first] * vectors[:, second]).sum(2).matmul(weights) + constant
        true = torch.stack([noise[f][batch[:, f]] for f in range(m)], 1).log().mean(1)
        label = torch.cat([torch.zeros(len(false)), torch.ones(n)])
        return F.binary_cross_entropy_with_logits(score - torch.cat([told.log(), true]), label)

    return loss


def steps(loss, stepper, batches, after=None):
    def run():
        for batch in batches:
            stepper.zero_grad()
            loss(batch).backward()
            stepper.step()
            if after:
                after()

    return run


def ours(module, batches, stepper):
    mask = torch.ones(len(batches[0]), 1, dtype=torch.bool)
    return steps(lambda b: module.losses({"field": b[:, None], "mask": mask})["total"], stepper, batches,
                 module.after_step)  # fmt: skip


def clip(weights):
    def after():
        with torch.no_grad():
            weights.clamp_(min=0)

    return after


def against(name, config, way, what, sizes, batch, rounds):
    log = events(sizes, STEPS * batch)
    batches, module = log.split(batch), build(config, sizes, log)
    parts = plain(module)
    made = [*parts[0].parameters(), *parts[2:]]
    other = way(parts, config.noise.negatives)
    torch.manual_seed(0)
    mine = module.losses({"field": log[:, None], "mask": torch.ones(len(log), 1, dtype=torch.bool)})["total"].item()
    theirs = other(log).item()
    assert abs(mine - theirs) < 0.02 * theirs, (mine, theirs)  # the same but for the draws
    after = clip(parts[2]) if config.weights == "positive" else None
    best = fastest({
        "ours": ours(module, batches, torch.optim.Adam(module.parameters(), 1e-3)),
        "other": steps(other, torch.optim.Adam(made, 1e-3), batches, after),
    }, rounds)  # fmt: skip
    return row(name, what, best["ours"], best["other"], events_per_second=round(len(log) / best["ours"]))


def many(values, rounds):
    """Tables of very many values: rows that are touched, or all."""
    sizes = (values,) * 4
    log = events(sizes, 4 * 512)
    batches, base = log.split(512), DetectConfig(noise=Noise(unknown=0.0))
    whole, touched = build(base, sizes, log), build(replace(base, sparse=True), sizes, log)
    best = fastest({
        "rows": ours(touched, batches, optimizer(base.recipe, touched)),
        "all": ours(whole, batches, optimizer(base.recipe, whole)),
    }, rounds)  # fmt: skip
    return row(f"APE training with sparse gradients, 4 fields of {values:,} values, batches of 512",
               "gradients and steps of all rows", best["rows"], best["all"],
               events_per_second=round(len(log) / best["rows"]))  # fmt: skip


BOUND = (
    "adding up the gradients of rows that were looked up, a quarter of a step at the default setting, and products of "
    "small matrices; then what every call costs"
)
"""From a profile of a step."""


def main():
    torch.set_num_threads(1)
    base, version = DetectConfig(), DetectConfig.pytorch()
    found = [
        against("APE training, events of a host in 10 fields, width 10, 5 draws, batches of 512", base, usual,
                "a plain embedding loop over pairs", HOST, 512, 4),
        against("APE training, the same at width 128", replace(base, width=128), usual,
                "a plain embedding loop over pairs", HOST, 512, 3),
        against("APE training, the PyTorch version's settings", version, official, "its arithmetic its way",
                HOST, 128, 3),
        many(250_000, 3),
    ]  # fmt: skip
    save("ape_training", found, BOUND, threads=1)


if __name__ == "__main__":
    main()
