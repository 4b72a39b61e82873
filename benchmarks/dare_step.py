"""How much faster DARE is than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/dare_step.py` (about two minutes). Both sides take the same targets and
histories, start from the same weights and run in one process on one thread; times are processor time, the best of
several rounds, the sides in turns.

The plain side, written from the description of the official code: every row, a click or one of its two negatives,
brings its own history as lists of numbers; histories are looked up in both sets of tables whole; attention to all of
it, then a mask of the best made row by row, then attention again; dense gradients, with which Adam goes through whole
tables. Ours looks a history up once for a click and its negatives, and in inference only what was found for
representation; with sparse gradients (`rank.sparse`) a step does not depend on the number of items.

Results go to `benchmarks/results/dare_step.json`.
"""

from copy import deepcopy
from dataclasses import replace

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch
import torch.nn.functional as F

from acteme.engine.optimize import optimizer
from acteme.recordings.spec import Spec
from acteme.systems.recommend.dare import RankConfig, Ranker
from acteme.systems.recommend.dare.model import Seen
from acteme.systems.recommend.dare.rank import EPSILON
from acteme.systems.recommend.dare.tables import Events

ITEMS, CATEGORIES, CLICKS, SLOTS = 200_000, 5_000, 128, 200
SPEC = Spec(items=ITEMS, fields=("category",), sizes=(CATEGORIES,))
BOUND = "reading rows of tables and adding up their gradients; dense Adam, by the length of the tables"


def drawn():
    """Clicks with two negatives each, after histories of full length."""
    rng = np.random.default_rng(0)
    category = rng.integers(1, CATEGORIES, ITEMS + 1)

    def events(count, position):
        item = rng.zipf(1.2, (CLICKS, count)) % ITEMS + 1
        return Events(*(torch.from_numpy(x) for x in (item, category[item], position)))

    behavior = events(SLOTS, np.broadcast_to(np.arange(SLOTS, 0, -1), (CLICKS, SLOTS)).copy())
    label = torch.tensor([1, 0, 0]).expand(CLICKS, 3)
    return Seen(events(3, np.zeros((CLICKS, 3), np.int64)), behavior, behavior.item > 0), label


def plain_rows(seen, label):
    """The same as rows of lists, as they come from the official files."""
    target, history = seen.target, seen.behavior
    return [
        (int(target.item[b, c]), int(target.category[b, c]), int(label[b, c]), items, categories)
        for b, (items, categories) in enumerate(zip(history.item.tolist(), history.category.tolist(), strict=True))
        for c in range(target.item.shape[1])
    ]  # fmt: skip


def plain_attention(q, k, v, mask, semantic):
    q = q.unsqueeze(1)
    scores = (q[..., :semantic] @ k[..., :semantic].transpose(1, 2)) / semantic**0.5
    scores = scores + (q[..., semantic:] @ k[..., semantic:].transpose(1, 2)) / (q.shape[-1] - semantic) ** 0.5
    scores = torch.where(mask.bool(), scores.squeeze(1), torch.ones_like(scores.squeeze(1)) * (-(2.0**32) + 1))
    return (scores.softmax(1).unsqueeze(1) @ v).squeeze(1), scores


def plain(module, rows, top):
    """Probabilities and loss of rows of lists."""
    item, category, label, items, categories = (np.array(column) for column in zip(*rows, strict=True))
    mask = np.greater(items, 0).astype(np.float32)
    place = np.repeat(np.array([[SLOTS - x for x in range(SLOTS)]]), len(rows), axis=0)
    ids = {"item": (item, items), "category": (category, categories), "position": (np.zeros_like(item), place)}
    ids = {kind: [torch.tensor(part) for part in pair] for kind, pair in ids.items()}
    mask, label = torch.tensor(mask), torch.tensor(label)
    q, k, r, v = (
        torch.cat([F.embedding(ids[kind][side], tables[kind].weight) for kind in ids], -1)
        for tables in (module.model.tables.sets["attention"], module.model.tables.sets["representation"])
        for side in (0, 1)
    )
    whole, scores = plain_attention(q, k, v, mask, module.model.semantic)
    auxiliary = module.model.auxiliary(torch.cat([r, whole, r * whole], 1)).softmax(1) + EPSILON
    best = torch.topk(scores, top, dim=1).indices
    chosen = torch.zeros_like(mask)
    for n in range(len(best)):
        chosen[n, best[n]] = 1
    found, again = plain_attention(q, k, v, chosen, module.model.semantic)
    found = (again.softmax(1).unsqueeze(1) @ v).squeeze(1)
    p = module.model.main(torch.cat([r, found, r * found], 1)).softmax(1) + EPSILON
    truth = torch.stack([label, 1 - label], 1)
    loss = sum(-torch.mean(torch.log(torch.sum(q * truth, 1))) for q in (p, auxiliary))
    squares = 0.0
    for name, parameter in module.named_parameters():
        if "bias" not in name and "tables" not in name:
            squares = squares + torch.sum(torch.pow(parameter, 2))
    return p, loss + module.config.l2 * squares


def step(module, optimize, loss):
    def run():
        optimize.zero_grad()
        loss(module).backward()
        optimize.step()

    return run


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    seen, label = drawn()
    rows, config = plain_rows(seen, label), RankConfig()
    ours = Ranker(config, SPEC)
    with torch.no_grad():
        for parameter in ours.model.tables.parameters():
            parameter.mul_(30)
    theirs, sparse = deepcopy(ours), Ranker(replace(config, sparse=True), SPEC)
    sparse.load_state_dict(ours.state_dict())
    a, b = ours.loss(seen, label)["total"], plain(theirs, rows, config.top)[1]
    assert abs(a - b) < 1e-5, (a, b)

    def own(module):
        return module.loss(seen, label)["total"]

    def other(module):
        return plain(module, rows, config.top)[1]

    made = {m: optimizer(m.config.recipe, m) for m in (ours, theirs, sparse)}
    train = fastest({
        "ours": lambda: own(ours).backward(),
        "plain": lambda: other(theirs).backward(),
        "ours, step": step(ours, made[ours], own),
        "plain, step": step(theirs, made[theirs], other),
        "sparse, step": step(sparse, made[sparse], own),
    }, 5)  # fmt: skip
    ours.eval(), theirs.eval()
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        assert torch.allclose(ours.chances(seen).flatten(), plain(theirs, rows, config.top)[0][:, 0], atol=1e-5)
        seeing = fastest({"ours": lambda: ours.chances(seen), "plain": lambda: plain(theirs, rows, config.top)}, 5)
    size = f"{CLICKS} clicks with two negatives, histories of {SLOTS}, {ITEMS:,} items"
    official = "the official arithmetic its way"
    found = [
        row(f"DARE losses and gradients, {size}", official, train["ours"], train["plain"]),
        row("DARE training step with Adam", official, train["ours, step"], train["plain, step"]),
        row("DARE training step with sparse gradients", f"{official}, dense", train["sparse, step"],
            train["plain, step"]),
        row("DARE inference", official, seeing["ours"], seeing["plain"]),
    ]  # fmt: skip
    save("dare_step", found, BOUND, threads=1)


if __name__ == "__main__":
    main()
