"""How much faster DNIS's search is than the official implementation's arithmetic done its way, and what pruning saves.

Run from the repository: `python benchmarks/dnis_step.py` (about a minute). Both sides take the same events, start from
the same weights and run in one process on one thread; times are processor time, the best of several rounds, the sides
in turns. Before anything is timed, both must agree on predictions and on the gradient of alpha.

The plain side, written from the description of the official code: the block of every feature is found by comparing it
with all boundaries; the selection is repeated over features' dimensions and multiplied in place; the training batch is
differentiated with its graph kept, for alpha as well; the validation batch by all weights and alpha. Its optimizer is
the same (Adam on all weights), once as in the paper and once, as in the code, on embeddings and biases alone.

Memory is that of the stored table and its index, by the sizes of the tensors.

Results go to `benchmarks/results/dnis_step.json`.
"""

import warnings

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import torch
import torch.nn.functional as F

from acteme.recordings.spec import Spec
from acteme.systems.recommend.dnis import NetworkConfig, PruneConfig, Pruned, Search, SearchConfig
from acteme.systems.recommend.dnis.space import normalized

BATCH = 4096
CASES = {
    "FM, 2 fields, 10,000 features of 64 dimensions": (NetworkConfig("fm", 64, outcome="rating"), (6000, 4000), 20),
    "DeepFM, 39 fields, 39,000 features of 16 dimensions": (
        NetworkConfig("deepfm", 16, outcome="click"), (1000,) * 39, 4),
}  # fmt: skip
BOUND = "with two fields, looking embeddings up and Adam on the whole table; with 39, matrix products of the MLP"


class Plain:
    """Soft selection and host as the official code goes about them."""

    def __init__(self, search):
        self.network, self.table = search.network, search.network.table
        self.positions = torch.tensor(self.table.sizes).cumsum(0)
        self.alpha = self.table.alpha.clone().requires_grad_()
        self.weights = list(self.network.parameters())
        self.kind = search.network.config.outcome

    def scores(self, ids, values):
        embedded = F.embedding(ids, self.table.weight)
        above = self.positions.unsqueeze(1).expand(len(self.positions), ids.shape[1])
        block = ((ids.unsqueeze(1) - above) >= 0).sum(1)
        mask = self.alpha.repeat_interleave(torch.ones(self.table.weight.shape[1], dtype=torch.long), dim=1)[block]
        embedded *= mask
        embedded *= values.unsqueeze(2)
        square_sum, sum_square = (embedded**2).sum(1), embedded.sum(1) ** 2
        out = ((sum_square - square_sum) / 2).mean(1)
        biases = F.embedding(ids, self.network.host.biases.weight).squeeze() * values
        out = out + biases.sum(1) + self.network.host.biases.constant
        if self.network.config.host == "deepfm":
            hidden = embedded.reshape(len(ids), -1)
            for layer in self.network.host.layers[:-1]:
                hidden = F.relu(layer(hidden))
            out = out + self.network.host.layers[-1](hidden).squeeze()
        return out

    def loss(self, ids, values, outcome):
        scores = self.scores(ids, values)
        return F.mse_loss(scores, outcome) if self.kind == "rating" else F.binary_cross_entropy_with_logits(
            scores, outcome)  # fmt: skip

    def step(self, optimizer, train, val):
        self.loss(*train).backward(create_graph=True)
        optimizer.step()
        self.alpha.grad.data.zero_()
        loss = self.loss(*val) + F.l1_loss(self.alpha, torch.zeros_like(self.alpha), reduction="sum") * 1e-5
        gradient = torch.autograd.grad(loss, [*self.weights, self.alpha])[-1]
        self.alpha.data.sub_(1e-2 * normalized(gradient)).clamp_(0, 1)
        optimizer.zero_grad()
        self.alpha.grad = None


def events(spec, seed):
    """A batch, and the same as the official code has it."""
    rng = torch.Generator().manual_seed(seed)
    field = torch.stack([(torch.rand(BATCH, generator=rng) ** 3 * n).long() for n in spec.sizes], 1)
    outcome = (torch.rand(BATCH, generator=rng) > 0.7).float()
    batch = {"field": field[:, None], "outcome": outcome[:, None], "frames": torch.ones(BATCH, dtype=torch.long)}
    ids = field + torch.tensor([0, *spec.sizes[:-1]]).cumsum(0)
    return batch, (ids, torch.ones(ids.shape), outcome)


def measure(name, config, sizes, rounds):
    spec = Spec(fps=1.0, fields=tuple(f"f{i}" for i in range(len(sizes))), sizes=sizes)
    torch.manual_seed(0)
    ours, theirs, frozen = (Search(SearchConfig(config, weights=w), spec) for w in ("all", "all", "embeddings"))
    for other in (theirs, frozen):
        other.load_state_dict(ours.state_dict())
    (train, train_plain), (val, val_plain) = events(spec, 1), events(spec, 2)
    plain = Plain(theirs)
    a, b = ours.network.scores(val_plain[0]), plain.scores(*val_plain[:2])
    assert (a - b).abs().max() < 1e-5
    gradient, _ = ours.gradient(val, ours.table.alpha.clone().requires_grad_())
    loss = plain.loss(*val_plain) + 1e-5 * plain.alpha.abs().sum()
    torch.testing.assert_close(gradient, torch.autograd.grad(loss, plain.alpha)[0], rtol=1e-3, atol=1e-7)
    adam = {m: torch.optim.Adam([p for p in m.parameters() if p.requires_grad], 1e-3) for m in (ours, theirs, frozen)}
    first = [theirs.network.table.weight, theirs.network.host.biases.weight]
    some = torch.optim.Adam(first, 1e-3)

    def step(module):
        module.losses(train)["total"].backward()
        adam[module].step()
        adam[module].zero_grad()
        module.respond(val)

    found = fastest({
        "ours": lambda: step(ours),
        "official way": lambda: plain.step(adam[theirs], train_plain, val_plain),
        "ours, embeddings": lambda: step(frozen),
        "official way, embeddings": lambda: plain.step(some, train_plain, val_plain),
    }, rounds)  # fmt: skip
    ours.eval()
    pruned = {}
    for keep in (0.2, 0.05):
        pruned[keep] = Pruned(PruneConfig(config, keep), spec).eval()
        pruned[keep].inherit({"search": ours})
    with torch.no_grad():
        seen = fastest({
            "ours": lambda: ours.network.scores(val_plain[0]),
            "official way": lambda: plain.scores(*val_plain[:2]),
            **{keep: (lambda keep=keep: pruned[keep].network.scores(val_plain[0])) for keep in pruned},
        }, 5 * rounds)  # fmt: skip
    official = "the official arithmetic its way"
    rows = [
        row(f"DNIS search step, {name}", official, found["ours"], found["official way"]),
        row(f"DNIS search step, embeddings alone, {name}", official, found["ours, embeddings"],
            found["official way, embeddings"]),
        row(f"DNIS inference, {name}", official, seen["ours"], seen["official way"]),
    ]  # fmt: skip
    for keep, module in pruned.items():
        cost = module.footprint()
        rows.append(row(f"DNIS inference, {1 - keep:.0%} pruned and stored sparsely, {name}", official, seen[keep],
                        seen["official way"]))  # fmt: skip
        stored = cost["table_bytes"] + cost["index_bytes"]
        rows.append({"what": f"DNIS table with its index, {1 - keep:.0%} pruned, {name}", "against": "the whole table",
                     "ratio": float(f"{cost['dense_bytes'] / stored:.3g}"), "unit": "times as small",
                     **{n: v for n, v in cost.items() if n.endswith("bytes")}})  # fmt: skip
    return rows


def main():
    warnings.simplefilter("ignore")  # of the graph that is kept
    torch.set_num_threads(1)
    save("dnis_step", [r for name, case in CASES.items() for r in measure(name, *case)], BOUND, threads=1)


if __name__ == "__main__":
    main()
