"""How much faster PSUMNet is than the official implementation's arithmetic done its way, and than four streams.

Run from the repository: `python benchmarks/psumnet_step.py` (about two minutes). All sides take the same clips, start
from the same weights and run in one process on one thread; times are processor time, the best of several rounds, the
sides in turns. Ours is measured in bfloat16 (autocast) as well, which is not the same arithmetic, and with absent
persons left out (the second of half of the clips), which is not the same function.

The plain side, written from the description of the official code: every stream prepares every clip by itself (crop,
resize, rotation, bones in a loop over pairs); a convolution per subset and per branch; relations before the mean over
time; a graph per channel and subset by einsum. `network` leaves the preparation out. Four streams are those of CTR-GCN:
joints, bones and the motion of both, each over the whole body.

Results go to `benchmarks/results/psumnet_step.json`.
"""

import math
from dataclasses import replace

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from acteme.recordings.spec import Spec
from acteme.systems.recognize.psumnet import RecognizeConfig, Recognizer

FRAMES = 80
OFFICIAL = RecognizeConfig(crop=(1.0, 1.0))
CASES = {
    "official size, 4 clips of 64 frames": (OFFICIAL, 4, 3),
    "small, 32 clips of 32 frames": (replace(RecognizeConfig.small(), crop=(1.0, 1.0)), 32, 3),
}
SPEC = Spec("ntu25", 25, 2, 3, tuple(map(str, range(60))))


def plain_clip(x, stream, size, rotation):
    """One clip (T, M, V, C) as one stream's (12, size, V', M), or 3 channels of one modality."""
    t, m, v, c = x.shape
    x = x.permute(3, 0, 2, 1).numpy()
    x = torch.tensor(x, dtype=torch.float).permute(0, 2, 3, 1).reshape(1, 1, c * v * m, t)
    x = F.interpolate(x, size=(c * v * m, size), mode="bilinear", align_corners=False)
    x = x.view(c, v, m, size).permute(0, 3, 1, 2).contiguous()
    if rotation:
        a, b, g = torch.zeros(3).uniform_(-rotation, rotation).tolist()
        turn = [[[1, 0, 0], [0, math.cos(a), math.sin(a)], [0, -math.sin(a), math.cos(a)]],
                [[math.cos(b), 0, -math.sin(b)], [0, 1, 0], [math.sin(b), 0, math.cos(b)]],
                [[math.cos(g), math.sin(g), 0], [-math.sin(g), math.cos(g), 0], [0, 0, 1]]]  # fmt: skip
        rx, ry, rz = torch.tensor(turn)
        frames = x.permute(1, 0, 2, 3).reshape(size, 3, v * m)
        x = torch.matmul(torch.stack([rz @ ry @ rx] * size), frames).view(size, 3, v, m).permute(1, 0, 2, 3)
    x = x.numpy()
    part = np.zeros((c, size, len(stream.joints), m))
    for i, joint in enumerate(stream.joints):
        part[:, :, i] = x[:, :, joint]
    bone = np.zeros_like(part)
    for child, parent in stream.tree.bones:
        bone[:, :, child] = part[:, :, child] - part[:, :, parent]
    made = {"joint": part, "bone": bone}
    for name in ("joint", "bone"):
        moved = np.zeros_like(part)
        moved[:, :-1] = made[name][:, 1:] - made[name][:, :-1]
        made[f"{name}_motion"] = moved
    return np.concatenate([made[name] for name in stream.modalities])


def plain_input(module, batch, stream, training):
    """A stream's clips (N, C, T, V, M), each prepared by itself."""
    config, clips = module.config, []
    for x, frames in zip(batch["skeleton"], batch["frames"].tolist(), strict=True):
        x = x[:frames] - x[0, 0, module.origin]
        drop = 0 if training else int((1 - config.middle) * frames / 2)
        clips.append(plain_clip(x[drop : frames - drop], stream, config.size, config.rotation if training else 0))
    return torch.from_numpy(np.stack(clips)).float()


def norm(x, bn, a=0, b=None):
    b = bn.num_features if b is None else b
    return F.batch_norm(x, bn.running_mean[a:b], bn.running_var[a:b], bn.weight[a:b], bn.bias[a:b], bn.training)


def unit(x, conv):
    return norm(F.conv2d(x, conv.conv.weight, conv.conv.bias, (conv.stride, 1)), conv.bn)


def plain_space(u, x):
    k, r, c = u.subsets, u.relations, u.c_out
    weight, bias = u.relate.weight.view(2, k, r, -1, 1, 1), u.relate.bias.view(2, k, r)
    y = None
    for i in range(k):
        theta = F.conv2d(x, weight[0, i], bias[0, i]).mean(-2)
        phi = F.conv2d(x, weight[1, i], bias[1, i]).mean(-2)
        values = F.conv2d(x, u.values[i][..., None, None], u.values_bias[i])
        relation = torch.tanh(theta.unsqueeze(-1) - phi.unsqueeze(-2))
        graph = F.conv2d(relation, u.lift[i].view(c, r, 1, 1), u.lift_bias[i]) * u.alpha + u.links[i]
        z = torch.einsum("ncuv,nctv->nctu", graph, values)
        y = z if y is None else z + y
    return F.relu(norm(y, u.bn) + (x if u.down is None else unit(x, u.down)))


def plain_time(u, x):
    q, outs = u.point.out_channels, []
    for i in range(3):
        a, b = i * q, (i + 1) * q
        y = F.relu(norm(F.conv2d(x, u.reduce.weight[a:b], u.reduce.bias[a:b]), u.reduce_bn, a, b))
        y = u.convs[i](y) if i < 2 else F.max_pool2d(y, (3, 1), (u.stride, 1), (1, 0))
        outs.append(norm(y, u.bn, a, b))
    outs.append(norm(F.conv2d(x, u.point.weight, u.point.bias, (u.stride, 1)), u.bn, 3 * q, 4 * q))
    return torch.cat(outs, 1)


def plain_network(stream, x):
    """Class logits of (N, C, T, V, M)."""
    n, c, t, v, m = x.shape
    encoder = stream.encoder
    x = norm(x.permute(0, 4, 3, 1, 2).contiguous().view(n, m * v * c, t), encoder.data_bn)
    x = x.view(n, m, v, c, t).permute(0, 1, 3, 4, 2).contiguous().view(n * m, c, t, v)
    for block in encoder.blocks:
        y = plain_time(block.time, plain_space(block.space, x))
        if isinstance(block.around, nn.Identity):
            y = y + x
        elif block.around is not None:
            y = y + unit(x, block.around)
        x = F.relu(y)
    return stream.fc(x.view(n, m, x.shape[1], -1).mean(3).mean(1))


def plain_scores(module, batch, training):
    return {n: plain_network(s, plain_input(module, batch, s, training)) for n, s in module.streams.items()}


BOUND = "matrix products, 55% of a training step at the official size and 44% at the small one; copies, 13% and 22%"
"""From a profile of one step each; the rest is mostly batch normalization."""


def build(config, **changes):
    torch.manual_seed(0)
    module = Recognizer(replace(config, **changes), SPEC)
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith(("alpha", "space.bn.weight")):
                p.fill_(0.5)
    return module


def backward(scores, label):
    sum(F.cross_entropy(s.float(), label) for s in scores.values()).backward()


def measure(name, config, clips, rounds):
    backbone = replace(config.backbone, skip_absent=False)
    ours, skipping = build(config, backbone=backbone), build(config, backbone=replace(backbone, skip_absent=True))
    four = build(config, parts=("body",), unified=False, backbone=replace(backbone, relations=8))
    batch = {"skeleton": torch.randn(clips, FRAMES, 2, 25, 3), "frames": torch.full((clips,), FRAMES)}
    batch["label"] = torch.arange(clips) % 60
    single = dict(batch, skeleton=batch["skeleton"].clone())
    single["skeleton"][::2, :, 1] = 0
    ours.eval()
    with torch.no_grad():
        x, inputs = ours.view(batch), {n: plain_input(ours, batch, s, False) for n, s in ours.streams.items()}
        ours.train()  # batch statistics, for the running ones of fresh weights mean nothing
        a, b = ours.scores(x), {n: plain_network(s, inputs[n]) for n, s in ours.streams.items()}
    apart = max((a[n] - b[n]).abs().max().item() / a[n].abs().max().item() for n in a)
    assert apart < 1e-4, apart

    def half(function):
        def run():
            with torch.autocast("cpu", torch.bfloat16):
                function()

        return run

    for module in (ours, skipping, four):
        module.train()
    x = ours.view(batch)
    inputs = {n: plain_input(ours, batch, s, True) for n, s in ours.streams.items()}

    def plain_step():
        backward({n: plain_network(s, inputs[n]) for n, s in ours.streams.items()}, batch["label"])

    training = fastest({
        "ours": lambda: ours.losses(batch)["total"].backward(),
        "official way": lambda: backward(plain_scores(ours, batch, True), batch["label"]),
        "network, ours": lambda: backward(ours.scores(x), batch["label"]),
        "network, official way": plain_step,
        "ours in bfloat16": half(lambda: ours.losses(batch)["total"].backward()),
        "ours, half of the second persons absent": lambda: skipping.losses(single)["total"].backward(),
    }, rounds)  # fmt: skip
    for module in (ours, skipping, four):
        module.eval()
    with torch.no_grad():
        inference = fastest({
            "ours": lambda: ours.predict(batch),
            "official way": lambda: plain_scores(ours, batch, False),
            "ours in bfloat16": half(lambda: ours.predict(batch)),
            "four streams, ours": lambda: four.predict(batch),
            "four streams, official way": lambda: plain_scores(four, batch, False),
        }, rounds)  # fmt: skip
    return rows(name, training, inference, [sum(p.numel() for p in m.parameters()) for m in (ours, four)])


def rows(name, training, inference, parameters):
    step, official = f"PSUMNet training step, {name}", "the official arithmetic its way"
    seen, four = f"PSUMNet inference, {name}", "four separate streams"
    return [
        row(step, official, training["ours"], training["official way"]),
        row(f"{step}, the network alone", official, training["network, ours"], training["network, official way"]),
        row(f"{step}, in bfloat16", f"{official} in float32", training["ours in bfloat16"], training["official way"]),
        row(f"{step}, the second person absent in half of the clips", official,
            training["ours, half of the second persons absent"], training["official way"]),
        row(seen, official, inference["ours"], inference["official way"]),
        row(f"{seen}, in bfloat16", f"{official} in float32", inference["ours in bfloat16"], inference["official way"]),
        row(seen, four, inference["ours"], inference["four streams, ours"],
            parameters=dict(zip(("ours", "four streams"), parameters, strict=True))),
        row(seen, f"{four}, the official way", inference["ours"], inference["four streams, official way"]),
    ]  # fmt: skip


def main():
    torch.set_num_threads(1)
    found = [r for name, case in CASES.items() for r in measure(name, *case)]
    save("psumnet_step", found, BOUND, threads=1)


if __name__ == "__main__":
    main()
