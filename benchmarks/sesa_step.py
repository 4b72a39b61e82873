"""SESA: a training step and the scoring of a catalog, against the usual plain implementation.

Step: with packed sequences; and with texts padded to the longest that there may be, every pair encoded on its own and a
loop over pairs for the relevance loss; the same weights, texts and loss. Scoring: dense products, and a loop over
pairs; the sparse index keeps the 50 largest concepts of each vector.
"""

from dataclasses import replace

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from acteme.recordings.behavior.readers.esco import esco
from acteme.systems.recommend.sesa import Config, Matcher
from acteme.systems.recommend.sesa.index import Index, sparse
from acteme.systems.recommend.sesa.network import Told

ROUNDS, PAIRS = 5, 64
JOBS, QUERIES, CONCEPTS, LARGE = 5_000, 64, 13_939, 40
"""Jobs and concepts of a large catalog (ESCO has 13,939 skills); concepts of a vector that are large."""


def cells(network):
    """The recurrent networks of both towers as modules of two directions, with the same weights."""
    out = []
    for encoder in network.encoders:
        cell = nn.GRU(encoder.onward.input_size, encoder.onward.hidden_size, batch_first=True, bidirectional=True)
        cell.load_state_dict(
            encoder.onward.state_dict() | {f"{name}_reverse": p for name, p in encoder.back.state_dict().items()}
        )
        out.append(cell)
    return out


def packed_tower(network, cell, side, ids):
    """Packed sequences."""
    drop, length = network.encoders[side].dropout, (ids > 0).sum(1)
    x = pack_padded_sequence(drop(network.embedding(ids)), length, batch_first=True, enforce_sorted=False)
    states, _ = pad_packed_sequence(cell(x)[0], batch_first=True, padding_value=-torch.inf)
    return network.projectors[side](drop(states.amax(1)))


def plain_tower(network, cell, side, ids):
    """Padded: the maximum leaves the padding out, but the second direction begins in it."""
    drop = network.encoders[side].dropout
    states = cell(drop(network.embedding(ids)))[0].masked_fill((ids == 0)[..., None], -torch.inf)
    return network.projectors[side](drop(states.amax(1)))


def packed_step(module, two, batch):
    """One step with packed sequences, the rest as ours."""
    network = module.network

    def tell(side, ids):
        logits = packed_tower(network, two[side], side, ids)
        return Told(logits, logits.sigmoid())

    network.tell = tell
    try:
        return module.losses(batch)["total"]
    finally:
        del network.tell


def plain_step(module, two, batch, length):
    """One step, pair by pair."""
    network = module.network
    jobs = F.pad(network.jobs[batch["item"][:, 0] - 1].long(), (0, max(0, length - network.jobs.shape[1])))
    ids = network.vocabulary.ids(network.profiles(batch), length)
    profiles = F.pad(ids, (0, length - ids.shape[1]))
    told = [plain_tower(network, two[0], 0, jobs), plain_tower(network, two[1], 1, profiles)]
    j, p = (x.sigmoid() for x in told)
    item, weights, losses = batch["item"][:, 0].tolist(), module.scorer.weights(), []
    first = {job: k for k, job in reversed(list(enumerate(item)))}
    names = sorted(first)
    for b in range(len(item)):
        scores = torch.stack([(weights * j[first[job]] * p[b]).sum() + module.scorer.bias for job in names])
        losses.append(F.cross_entropy(scores[None], torch.tensor([names.index(item[b])])))
    asked = network.asks(torch.tensor(names))
    skills = [F.binary_cross_entropy_with_logits(told[0][[first[job] for job in names]], asked),
              F.binary_cross_entropy_with_logits(told[1], batch["classes"])]  # fmt: skip
    return torch.stack(losses).mean() + 10 * sum(skills)


def step_rows(name, config, length):
    """A training step."""
    torch.manual_seed(0)
    corpus = esco()
    module = Matcher(replace(config, pretrained=False), corpus.spec)
    module.consult(corpus.catalog)
    train = corpus.select("train")
    index = np.random.default_rng(0).permutation(len(train))
    every = np.arange(len(train))
    module.calibrate([train.cut(config.windows, every, np.zeros(len(train), np.int64))])
    batch = train.cut(config.windows, index[:PAIRS], np.zeros(PAIRS, np.int64))
    two = cells(module.network)
    with torch.no_grad():
        a, b = module.eval().losses(batch)["total"], packed_step(module, two, batch)
    assert abs(a - b) < 1e-4, (a, b)
    module.train()
    found = fastest({
        "ours": lambda: module.losses(batch)["total"].backward(),
        "packed": lambda: packed_step(module, two, batch).backward(),
        "plain": lambda: plain_step(module, two, batch, length).backward(),
    }, ROUNDS)  # fmt: skip
    what = f"SESA training step, {name}"
    return [row(what, "packed sequences", found["ours"], found["packed"]),
            row(what, "padded texts, pair by pair", found["ours"], found["plain"])]  # fmt: skip


def scoring_rows():
    """Scores of a large catalog."""
    torch.manual_seed(0)
    table = torch.full((JOBS, CONCEPTS), 1e-3)
    at = torch.randint(CONCEPTS, (JOBS, LARGE))
    table.scatter_(1, at, torch.rand(JOBS, LARGE).clamp(min=0.06))
    query = table[:QUERIES].clone()
    index, kept = Index.of(table), sparse(query).dense(CONCEPTS)
    dense = sparse(table).dense(CONCEPTS)
    assert (index.scores(kept) - kept @ dense.T).abs().max() < 1e-3
    few = 200
    found = fastest({
        "index": lambda: index.scores(kept),
        "dense": lambda: query @ table.T,
        "loop": lambda: [float((table[n] * query[0]).sum()) for n in range(few)],
    }, ROUNDS)  # fmt: skip
    loop = found["loop"] / few * JOBS * QUERIES
    what = f"SESA scores, {JOBS} jobs of {CONCEPTS} concepts for {QUERIES} profiles"
    memory = {"megabytes": {"index": round((index.rows.data.nbytes + index.rows.indices.nbytes) / 1e6, 1),
                            "dense": round(table.nbytes / 1e6, 1)}}  # fmt: skip
    return [
        row(f"{what}, sparse index", "dense products", found["index"], found["dense"], **memory),
        row(f"{what}, sparse index", "a loop over pairs", found["index"], loop),
        row(f"{what}, dense", "a loop over pairs", found["dense"], loop),
    ]


BOUND = "the recurrent networks, most of a training step, whose steps over words cannot be taken at once"


def main():
    torch.set_num_threads(1)
    config = Config.small().match
    long = replace(config, network=replace(config.network, embedding=100, width=128, length=300))
    found = step_rows("small", config, config.network.length) + step_rows("widths of the defaults", long, 300)
    save("sesa_step", found + scoring_rows(), BOUND, threads=1)


if __name__ == "__main__":
    main()
