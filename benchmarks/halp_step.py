"""How much faster HaLP's training step is than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/halp_step.py` (about a minute), with `--official` for the published size as
well (two minutes more). Both sides take the same two views, start from the same weights and queue, and run in one
process on one thread; times are processor time, the best of several steps. Clustering (every tenth step) is in
neither. Ours is measured in bfloat16 (autocast) as well, which is not the same arithmetic. Results, with what our step
spends its time on, go to `benchmarks/results/halp_step.json`.

The plain side, written from the description of the official code: a bidirectional GRU fed one step at a time with its
state carried over, outputs concatenated; a copy of the queue per product; for B clips, 100 positives and 20 prototypes
of 128 numbers, prototypes repeated to (100 B, 20, 128) twice and positives written out.
"""

import json
import math
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch.nn.functional as F
from torch.profiler import profile

from acteme.recordings.spec import Spec
from acteme.systems.represent.halp import Pretrain, PretrainConfig
from acteme.systems.represent.halp.encoder import EncoderConfig, sequence

SPEC = Spec("ntu25", 25, 2, 3)
BATCH = 64
CASES = {
    "small: hidden 64 x 2, 32 frames": (EncoderConfig(64, 2), 32, 1024, 12),
    "hidden 128 x 3, 64 frames": (EncoderConfig(128, 3), 64, 16384, 8),
    "official: hidden 1024 x 3, 64 frames": (EncoderConfig(1024, 3), 64, 16384, 1),
}


def made(encoder, size, queue):
    torch.manual_seed(0)
    module = Pretrain(PretrainConfig(encoder=encoder, queue=queue, size=size, refresh=10**9), SPEC).train()
    part = module.parts["joint"]
    part.queue.enqueue(F.normalize(torch.randn(2 * queue + 1, 128), dim=1))
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


def timed(steps, repeats):
    """Least processor time of each step; the steps take turns, so that a busy machine is busy for all."""
    best = [math.inf] * len(steps)
    for _ in range(repeats):
        for i, step in enumerate(steps):
            begun = time.process_time()
            step()
            best[i] = min(best[i], time.process_time() - begun)
    return best


def measure(encoder, size, queue, repeats):
    torch.manual_seed(1)
    views = [torch.randn(BATCH, size, 2, 25, 3) for _ in range(2)]
    modules = [made(encoder, size, queue) for _ in range(2)]
    optimizers = [torch.optim.SGD(m.parts["joint"].query.parameters(), 0.01, 0.9, weight_decay=1e-4) for m in modules]
    modules[0].views = lambda batch: views
    first = []

    def ours():
        losses = modules[0].losses({})
        optimizers[0].zero_grad()
        losses["total"].backward()
        optimizers[0].step()
        modules[0].after_step()
        first.append(losses["moco"].item())

    def half():
        with torch.autocast("cpu", torch.bfloat16):
            losses = modules[0].losses({})
        optimizers[0].zero_grad()
        losses["total"].backward()
        optimizers[0].step()
        modules[0].after_step()

    def plain():
        moco, _, total = plain_losses(modules[1], views)
        optimizers[1].zero_grad()
        total.backward()
        optimizers[1].step()
        first.append(moco.item())

    seconds, official = timed((ours, plain), repeats)
    assert abs(first[0] - first[1]) < 1e-4, first
    low = timed((half,), repeats)[0]
    with profile() as spent:
        ours()
    rows = sorted(spent.key_averages(), key=lambda r: -r.self_cpu_time_total)
    total = sum(r.self_cpu_time_total for r in rows)
    products = sum(r.self_cpu_time_total for r in rows if r.key.split("::")[-1].rstrip("_") in ("mm", "bmm", "addmm"))
    return {
        "seconds": seconds,
        "official_way_seconds": official,
        "times_faster": official / seconds,
        "bfloat16_seconds": low,
        "bfloat16_times_faster": official / low,
        "profile": {r.key: round(r.self_cpu_time_total / total, 3) for r in rows[:8]},
        "matrix_products": round(products / total, 3),
    }


def main():
    torch.set_num_threads(1)
    path = Path(__file__).parent / "results" / "halp_step.json"
    results = json.loads(path.read_text())["results"] if path.exists() else {}
    for name, case in CASES.items():
        if name.startswith("official") and "--official" not in sys.argv:
            continue
        results[name] = measure(*case)
        r = results[name]
        print(f"{name}: {r['seconds'] * 1e3:.0f} ms, the official way {r['official_way_seconds'] * 1e3:.0f} ms:")
        print(f"  {r['times_faster']:.2f}x, in bfloat16 {r['bfloat16_times_faster']:.2f}x;"
              f" {r['matrix_products']:.0%} of ours in matrix products")  # fmt: skip
    bound = "matrix products of the GRU at the processor's full rate; the rest is the gates of one step after the other"
    path.write_text(json.dumps({"batch": BATCH, "threads": 1, "bound_by": bound, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
