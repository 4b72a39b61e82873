"""How much faster HaLP's training step is than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/halp_step.py` (two minutes, most of them at the official size). Both sides
take the same two views, start from the same weights and queue, and run in one process on one thread; times are
processor time, the best of several steps (at the official size of one). Clustering (every tenth step) is in neither.
Ours is measured in bfloat16 (autocast) as well, which is not the same arithmetic. What matrix products take of our
step is profiled; how fast they run is held against one large product, the fastest thing that the processor does. What
they would take at that rate, and nothing else, bounds what any step in the same arithmetic can gain (`at most`).

The plain side, written from the description of the official code: a bidirectional GRU fed one step at a time with its
state carried over, outputs concatenated; a copy of the queue per product; for B clips, 100 positives and 20 prototypes
of 128 numbers, prototypes repeated to (100 B, 20, 128) twice and positives written out.
"""

from dataclasses import replace

from _measure import fastest, row, save  # isort: skip

import torch
import torch.nn.functional as F
from torch.profiler import profile

from acteme.recordings.spec import Spec
from acteme.systems.represent.halp import Pretrain, PretrainConfig
from acteme.systems.represent.halp.encoder import EncoderConfig, sequence

SPEC = Spec("ntu25", 25, 2, 3)
BATCH = 64
CASES = {
    "small setting": (PretrainConfig.small(), 12),
    "official setting but hidden 128": (PretrainConfig(encoder=EncoderConfig(128, 3)), 6),
    "official setting": (PretrainConfig(), 1),
}
PRODUCTS = ("mm", "bmm", "addmm", "baddbmm")


def operations(config):
    """Multiplications and additions in the matrix products of a step's GRUs: both forward, one backward (twice as
    many)."""
    hidden, inputs = (
        config.encoder.hidden,
        [SPEC.joints * 6] + [2 * config.encoder.hidden] * (config.encoder.layers - 1),
    )
    forward = sum(2 * BATCH * config.size * (n + hidden) * 2 * 3 * hidden for n in inputs)
    return 4 * forward


def made(config):
    torch.manual_seed(0)
    module = Pretrain(replace(config, warmup_epochs=0, refresh=10**9), SPEC).train()
    part = module.parts["joint"]
    part.queue.enqueue(F.normalize(torch.randn(2 * config.queue + 1, 128), dim=1))
    part.cluster()
    return module


def plain_encode(branch, x):
    """Unit projections by feeding the GRU one step at a time."""
    encoder = branch.encoder
    x = encoder.norm(x.permute(0, 2, 1).contiguous()).permute(0, 2, 1).contiguous()
    out, state = torch.zeros(0), None
    for t in range(x.shape[1]):
        y, state = encoder.gru(x[:, t : t + 1], state)
        out = torch.cat((out, y), 1)
    return F.normalize(branch.head(out[:, -1]), dim=1)


def plain_positives(k, prototypes, count, hardness):
    """Positives (B, count, D) of keys, with everything written out."""
    (b, d), p = k.shape, len(prototypes)
    order = (k @ prototypes.T).argsort(1)
    picks = torch.randint(p - 1, (b, count))
    target = torch.cat([row[pick][None] for row, pick in zip(order[:, :-1], picks, strict=True)]).view(-1)
    rows = torch.arange(b * count)
    start = k[:, None].repeat(1, count, 1).view(-1, d)
    goal = prototypes[None].repeat(b * count, 1, 1)[rows, target]
    home = prototypes[None].repeat(b * count, 1, 1)[rows, order[:, -1:].repeat(1, count).view(-1)]
    kappa = (1 - (goal * home).sum(1)) / ((start * (home - goal)).sum(1) + 1e-8)
    w = torch.acos((goal * start).sum(1))
    t = torch.atan(torch.sin(w) / (kappa + torch.cos(w))) / w * (1 - hardness * torch.rand(b * count))
    z = (torch.sin((1 - t) * w) / torch.sin(w))[:, None] * start + (torch.sin(t * w) / torch.sin(w))[:, None] * goal
    return F.normalize(z, dim=1).view(b, count, d)


def plain_losses(module, views):
    """Losses of a step the official way, on the module's own weights, queue and prototypes."""
    c, part = module.config, module.parts["joint"]
    queue, prototypes = part.queue.keys.T.contiguous(), part.prototypes.points
    first, second = (sequence(v, "joint", module.layout) for v in views)
    q = plain_encode(part.query, first)
    with torch.no_grad():
        for p_q, p_k in zip(part.query.parameters(), part.key.parameters(), strict=True):
            p_k.data = p_k.data * c.momentum + p_q.data * (1 - c.momentum)
        k = plain_encode(part.key, second)
    logits = torch.cat([(q * k).sum(1, keepdim=True), torch.einsum("nc,ck->nk", q, queue.clone())], 1) / c.temperature
    moco = F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))
    similar = torch.einsum("nc,kc->nk", k, prototypes.clone())
    z = plain_positives(k, prototypes, c.count, c.hardness)
    cosine = torch.einsum("nc,nmc->nm", q, z)
    nearest = torch.einsum("nmc,kc->nmk", z, prototypes.clone()).topk(1)[1].squeeze(-1)
    kept = nearest == similar.topk(1)[1].repeat(1, z.shape[1])
    positives = -(torch.log(torch.exp(cosine / c.temperature)) * kept).sum() / (kept.sum() + 1e-8)
    queue[:, : len(k)] = k.T
    return moco, positives, moco + c.mu * positives


def measure(name, config, rounds, peak):
    """Rows for float32 and bfloat16, and where our step spends its time."""
    torch.manual_seed(1)
    views = [torch.randn(BATCH, config.size, 2, 25, 3) for _ in range(2)]
    modules = [made(config) for _ in range(2)]
    optimizers = [torch.optim.SGD(m.parts["joint"].query.parameters(), 0.01, 0.9, weight_decay=1e-4) for m in modules]
    modules[0].views = lambda batch: views
    first = []

    def step(half=False):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            losses = modules[0].losses({})
        optimizers[0].zero_grad()
        losses["total"].backward()
        optimizers[0].step()
        modules[0].after_step()
        first.append(losses["moco"].item())

    def plain():
        moco, _, total = plain_losses(modules[1], views)
        optimizers[1].zero_grad()
        total.backward()
        optimizers[1].step()
        first.append(moco.item())

    seconds = fastest({"ours": step, "official": plain}, rounds)
    assert abs(first[0] - first[1]) < 1e-4, first
    half = fastest({"half": lambda: step(True)}, rounds)["half"]
    total, ops = min((profiled(step) for _ in range(rounds)), key=lambda found: found[0])
    products = sum(r.self_cpu_time_total for r in ops if r.key.split("::")[-1].rstrip("_") in PRODUCTS)
    what = f"HaLP training step, {name}"
    more = {
        "matrix_products": round(products / total, 3),
        "at_most": round(seconds["official"] * peak / operations(config), 2),
        "profile": {r.key: round(r.self_cpu_time_total / total, 3) for r in ops[:8]},
    }
    against = "the official arithmetic its way"
    return [
        row(what, against, seconds["ours"], seconds["official"], **more),
        row(f"{what}, in bfloat16", f"{against} in float32", half, seconds["official"]),
    ]


def profiled(step):
    """Microseconds of a step, and its operations, those that take most of them first."""
    with profile() as spent:
        step()
    ops = sorted(spent.key_averages(), key=lambda r: -r.self_cpu_time_total)
    return sum(r.self_cpu_time_total for r in ops), ops


def peak_rate():
    """Operations a second in a product of two large matrices."""
    a = torch.randn(2048, 2048)
    return 2 * 2048**3 / fastest({"product": lambda: a @ a}, 5)["product"]


def main():
    torch.set_num_threads(1)
    peak = peak_rate()
    rows = [r for name, (config, rounds) in CASES.items() for r in measure(name, config, rounds, peak)]
    last = rows[-2]
    save(
        "halp_step",
        rows,
        f"matrix products of the GRU: {last['matrix_products']:.0%} of the step at the official size, where the same "
        f"arithmetic could at most be {last['at_most']} times as fast as the official way, were it all products at the "
        f"processor's full rate; {rows[0]['matrix_products']:.0%} at the small setting, where the rest is small arrays",
        batch=BATCH,
        gigaflops_of_a_large_product=round(peak / 1e9, 1),
    )


if __name__ == "__main__":
    main()
