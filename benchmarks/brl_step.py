"""How much faster BRL is than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/brl_step.py` (about two minutes). Both sides take the same clips, start from
the same weights and run in one process on one thread; times are processor time, the best of several rounds, the sides
in turns. Ours is measured in bfloat16 (autocast) as well, which is not the same arithmetic, and with absent persons
left out (the second of half of the clips), which is not the same function.

The plain side, written from the description of the official code: every clip is set upright, scaled, turned and made
into a stream by itself, over all of its frames, before 64 of them are picked (ten times 64 in evaluation); the parts of
two clips are exchanged frame by frame; a convolution per branch; the graph after the convolution of the subsets, by
einsum. `network` leaves the preparation out. Inference is of as many showings as the setting has.

Results go to `benchmarks/results/brl_step.json`.
"""

from dataclasses import replace
from itertools import pairwise

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.spec import Spec
from acteme.systems.recognize.brl import Mixing, RecognizeConfig, Recognizer, View

FRAMES = 100
OFFICIAL = replace(RecognizeConfig(), streams=("joint",))
SMALL = RecognizeConfig.small()
CASES = {
    "official size, 4 clips of 64 frames": (replace(OFFICIAL, mixing=Mixing(share=0.25), view=View(clips=3)), 4, 3),
    "small, 32 clips of 16 frames": (SMALL, 32, 3),
}
SPEC = Spec("ntu25", 25, 2, 3, tuple(map(str, range(60))))
BODY = layout("ntu25")


def plain_indices(frames, size, rng):
    """Frames of one clip, spread over all of it; n >= size."""
    if frames < 2 * size:
        jump = np.zeros(size + 1, np.int64)
        jump[rng.choice(size + 1, frames - size, replace=False)] = 1
        return np.arange(size) + jump.cumsum()[:-1]
    edges = np.array([i * frames // size for i in range(size + 1)])
    return edges[:-1] + rng.randint(np.diff(edges))


def plain_turn(vector, target):
    """The matrix of the shortest turn of a vector onto a direction."""
    axis = np.cross(vector, target)
    angle = np.arccos(np.clip(vector / np.linalg.norm(vector) @ target, -1.0, 1.0))
    axis = axis / np.linalg.norm(axis)
    a, (b, c, d) = np.cos(angle / 2), -axis * np.sin(angle / 2)
    return np.array([[a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)],
                     [2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)],
                     [2 * (b * d + a * c), 2 * (c * d - a * b), a * a + d * d - b * b - c * c]])  # fmt: skip


def plain_upright(x):
    """A clip (M, T, V, C) without frames of nobody, set upright: frames are looked at one by one."""
    first, second = ([t for t in range(x.shape[1]) if not np.all(np.isclose(x[m, t], 0))] for m in (0, 1))
    x = x[:, np.array(second)][[1, 0]] if len(first) < len(second) else x[:, np.array(first)]
    there = ((x != 0).sum(-1) > 0)[..., None]
    x = (x - x[0, 0, 1].copy()) * there
    x = np.einsum("abcd,kd->abck", x, plain_turn(x[0, 0, 1] - x[0, 0, 0], np.array([0.0, 0.0, 1.0])))
    return np.einsum("abcd,kd->abck", x, plain_turn(x[0, 0, 8] - x[0, 0, 4], np.array([1.0, 0.0, 0.0])))


def plain_changes(x):
    """Frames in which someone comes or goes, which the official sampler looks for in every clip (M, T, V, C)."""
    persons = []
    for t in range(x.shape[1]):
        j = len(x) - 1
        while j >= 0 and np.all(np.abs(x[j, t]) < 1e-5):
            j -= 1
        persons.append(j + 1)
    return [a != b for a, b in pairwise(persons)]


def plain_clip(x, config, training, rng):
    """One clip (T, M, V, C) as what the network sees (showings, M, size, V, C)."""
    view = config.view
    x = plain_upright(x.transpose(1, 0, 2, 3))
    if training:
        x = x * (1 + rng.uniform(-1, 1, 3) * view.scale)
        a, b, g = rng.uniform(-view.rotation, view.rotation, 3)
        rx = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
        ry = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
        rz = np.array([[np.cos(g), np.sin(g), 0], [-np.sin(g), np.cos(g), 0], [0, 0, 1]])
        x = np.einsum("ab,mtvb->mtva", rz @ ry @ rx, x)
        if rng.rand() < view.flip:
            x = x[:, :, list(BODY.flip)]
    plain_changes(x)
    clips = 1 if training else view.clips
    picked = np.concatenate([plain_indices(x.shape[1], view.size, rng) for _ in range(clips)])
    shown = x[:, picked].astype(np.float32).reshape(2, clips, view.size, *x.shape[2:])
    return np.ascontiguousarray(shown.transpose(1, 0, 2, 3, 4))


def plain_input(module, batch, training):
    """(N, showings, M, T, V, C)."""
    rng = np.random.RandomState(0)
    pairs = zip(batch["skeleton"].numpy(), batch["frames"].tolist(), strict=True)
    return torch.from_numpy(np.stack([plain_clip(x[:n], module.config, training, rng) for x, n in pairs]))


def plain_mix(module, x, label):
    """Clips mixed one after the other, frame by frame; alpha is the last one's."""
    config, counts, alpha = module.config.mixing, module.loss.counts, torch.zeros(())
    other = label.clone()
    for i in torch.randperm(len(x))[: int(config.share * len(x))].tolist():
        j = (i + 1) % len(x)
        for t in range(x.shape[2]):
            x[i, :, t] = torch.cat((x[i, :, t, module.upper], x[j, :, t, module.lower]), 1)
        other[i] = label[j]
        a, b = counts[label[i]], counts[label[j]]
        alpha = torch.tensor(0.0 if a > 3 * b else 1.0 if b > 3 * a else module.alpha)
    return x, other, alpha


def norm(x, bn, a=0, b=None):
    b = bn.num_features if b is None else b
    return F.batch_norm(x, bn.running_mean[a:b], bn.running_var[a:b], bn.weight[a:b], bn.bias[a:b], bn.training)


def unit(x, conv):
    return norm(F.conv2d(x, conv.conv.weight, conv.conv.bias, (conv.stride, 1)), conv.bn)


def plain_space(u, x):
    n, _, t, v = x.shape
    c, k = u.mix.out_channels, len(u.links)
    weight = u.mix.weight[:, :, 0].permute(2, 0, 1).reshape(k * c, -1, 1, 1)
    y = F.conv2d(x, weight, u.bias.reshape(-1)).view(n, k, c, t, v)
    y = norm(torch.einsum("nkctv,kvw->nctw", (y, u.links)).contiguous(), u.bn)
    return F.relu(y + (x if u.down is None else unit(x, u.down)))


def plain_time(u, x):
    outs, a = [], 0
    for i, size in enumerate(u.sizes):
        b = a + size
        y = F.relu(norm(F.conv2d(x, u.reduce.weight[a:b], u.reduce.bias[a:b]), u.reduce_bn, a, b))
        outs.append(u.convs[i](y) if i < 4 else F.max_pool2d(y, (3, 1), (u.stride, 1), (1, 0)))
        a = b
    outs.append(F.conv2d(x, u.point.weight, u.point.bias, (u.stride, 1)))
    y = F.relu(norm(torch.cat(outs, 1), u.inner_bn))
    return norm(F.conv2d(y, u.merge.weight, u.merge.bias), u.bn)


def plain_network(net, x):
    """Class logits of (N, M, T, V, C)."""
    n, m, t, v, c = x.shape
    x = norm(x.permute(0, 1, 3, 4, 2).contiguous().view(n * m, v * c, t), net.encoder.data_bn)
    x = x.view(n, m, v, c, t).permute(0, 1, 3, 4, 2).contiguous().view(n * m, c, t, v)
    for block in net.encoder.blocks:
        y = plain_time(block.time, plain_space(block.space, x))
        if isinstance(block.around, nn.Identity):
            y = y + x
        elif block.around is not None:
            y = y + unit(x, block.around)
        x = F.relu(y)
    pooled = F.adaptive_avg_pool2d(x, 1).reshape(n, m, -1).mean(1)
    return net.fc(pooled)


def plain_loss(module, scores, label, other, alpha):
    first, second = (F.cross_entropy(scores, y, module.loss.weight) for y in (label, other))
    return alpha * first + (1 - alpha) * second


def plain_step(module, batch):
    x, other, alpha = plain_mix(module, plain_input(module, batch, True)[:, 0], batch["label"])
    plain_loss(module, plain_network(module.streams["joint"], x), batch["label"], other, alpha).backward()


def plain_predict(module, batch):
    x = plain_input(module, batch, False)
    n, k = x.shape[:2]
    return plain_network(module.streams["joint"], x.flatten(0, 1)).view(n, k, -1).softmax(-1).mean(1)


BOUND = "matrix products, 67% of a training step at the official size and 52% at the small; batch norms, 14% and 10%"
"""From a profile of one step each; the rest is sums, pooling and copies."""


def build(config, **changes):
    torch.manual_seed(0)
    module = Recognizer(replace(config, **changes), SPEC)
    module.loss.set_counts(torch.linspace(600, 6, 60))
    module.before_epoch(1000)
    return module


def measure(name, config, clips, rounds):
    ours = build(config, backbone=replace(config.backbone, skip_absent=False))
    skipping = build(config, backbone=replace(config.backbone, skip_absent=True))
    batch = {"skeleton": torch.randn(clips, FRAMES, 2, 25, 3), "frames": torch.full((clips,), FRAMES)}
    batch["label"] = torch.arange(clips) % 60
    single = dict(batch, skeleton=batch["skeleton"].clone())
    single["skeleton"][::2, :, 1] = 0
    net, label = ours.streams["joint"], batch["label"]
    x = ours.viewer.streams(batch, ("joint",), True)["joint"]
    official = x.transpose(1, 2).contiguous()
    with torch.no_grad():  # batch statistics, for the running ones of fresh weights mean nothing
        a, b = net(x), plain_network(net, official)
    assert (a - b).abs().max() < 1e-4 * a.abs().max(), (a - b).abs().max()

    def half(function):
        def run():
            with torch.autocast("cpu", torch.bfloat16):
                function()

        return run

    def network():
        ours.loss(net(x), label).backward()

    training = fastest({
        "ours": lambda: ours.losses(batch)["total"].backward(),
        "official way": lambda: plain_step(ours, batch),
        "network, ours": network,
        "network, official way": lambda: F.cross_entropy(plain_network(net, official), label).backward(),
        "input, ours": lambda: ours.viewer.streams(batch, ("joint",), True),
        "input, official way": lambda: plain_input(ours, batch, True),
        "ours in bfloat16": half(lambda: ours.losses(batch)["total"].backward()),
        "ours, half of the second persons absent": lambda: skipping.losses(single)["total"].backward(),
    }, rounds)  # fmt: skip
    for module in (ours, skipping):
        module.eval()
    with torch.no_grad():
        inference = fastest({
            "ours": lambda: ours.predict(batch),
            "official way": lambda: plain_predict(ours, batch),
            "ours in bfloat16": half(lambda: ours.predict(batch)),
        }, rounds)  # fmt: skip
    return rows(name, training, inference)


def rows(name, training, inference):
    step, seen, official = f"BRL training step, {name}", f"BRL inference, {name}", "the official arithmetic its way"
    return [
        row(step, official, training["ours"], training["official way"]),
        row(f"{step}, the network alone", official, training["network, ours"], training["network, official way"]),
        row(f"{step}, the input alone", official, training["input, ours"], training["input, official way"]),
        row(f"{step}, in bfloat16", f"{official} in float32", training["ours in bfloat16"], training["official way"]),
        row(f"{step}, the second person absent in half of the clips", official,
            training["ours, half of the second persons absent"], training["official way"]),
        row(seen, official, inference["ours"], inference["official way"]),
        row(f"{seen}, in bfloat16", f"{official} in float32", inference["ours in bfloat16"], inference["official way"]),
    ]  # fmt: skip


def main():
    torch.set_num_threads(1)
    found = [r for name, case in CASES.items() for r in measure(name, *case)]
    save("brl_step", found, BOUND, threads=1)


if __name__ == "__main__":
    main()
