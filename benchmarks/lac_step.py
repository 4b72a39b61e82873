"""How much faster LAC's training steps are than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/lac_step.py` (a minute). Both sides start from the same weights, take the
same data and run in one process on one thread; times are processor time, the best of several steps, taken in turns.

The plain sides, written from the description of the official code. Generator: every motion of a pair is scaled, turned
and projected on its own with NumPy; four encodings, each with its own decomposition of the dictionary, four decodings,
four triplet terms. Encoder: three convolutions each for theta, phi and the values, per head; persons who are not there
are computed like all others.
"""

from _measure import fastest, row, save  # isort: skip

import numpy as np
import torch
import torch.nn.functional as F
from torch.profiler import profile

from acteme.recordings.spec import Spec
from acteme.systems.represent.lac import Generator, GeneratorConfig
from acteme.systems.represent.lac.unik import Unik

PAIRS, FRAMES, ROUNDS = 64, 64, 5
CLIPS, LENGTH, JOINTS = 4, 120, 17


def plain_code(motion, azimuth, ratio, mean, std):
    """(15, 3, T) to the (30, T) standardized code, one motion at a time."""
    motion = motion * ratio
    across = (motion[2] - motion[5] + motion[9] - motion[12]) / 2
    across = across.mean(1) / np.linalg.norm(across.mean(1))
    z = np.array([0.0, 0, 1])
    y = np.cross(across, z)
    y /= np.linalg.norm(y)
    c, s = np.cos(azimuth), np.sin(azimuth)
    axes = np.stack([np.cross(y, z), y, z]) @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    motion = motion * 128
    motion[1], motion[8] = (motion[2] + motion[5]) / 2, (motion[9] + motion[12]) / 2
    flat = axes[[0, 2]] @ motion
    flat[:, 1] *= -1
    root = flat[8]
    velocity = np.concatenate([np.zeros((2, 1)), root[:, 1:] - root[:, :-1]], 1)[None]
    code = np.concatenate([(flat - root)[:8], (flat - root)[9:], velocity])
    return (code.reshape(30, -1) - mean) / std


def plain_encode(net, x):
    """Motion and static parts, with a decomposition of the dictionary of its own."""
    for conv in net.encoder:
        x = F.leaky_relu(conv(F.pad(x, (3, 3), mode="reflect")), 0.2)
    q, _ = torch.linalg.qr(net.directions + 1e-8)
    d_m, d_s = q[:, :128], q[:, 128:]
    a_m = torch.matmul(x.permute(0, 2, 1), d_m) / sum(d_m * d_m)
    a_s = torch.matmul(x.permute(0, 2, 1).mean(1), d_s) / sum(d_s * d_s)
    b = torch.matmul(a_s, d_s.permute(1, 0)).unsqueeze(2).repeat(1, 1, x.shape[-1])
    return torch.matmul(a_m, d_m.permute(1, 0)).permute(0, 2, 1), b


def plain_generator_loss(net, motions, rng):
    """Draws 64 pairs from a pool of motions of several characters, prepares them one by one, and gives the loss."""
    mean, std = net.mean.numpy()[:, None], net.std.numpy()[:, None]
    codes = []
    for _ in range(PAIRS):
        i, j = rng.choice(len(motions), 2, replace=False)
        a, b = rng.choice(len(motions[0]), 2)
        u, v = np.deg2rad(rng.choice(np.arange(-90, 91, 30), 2, replace=False))
        r, s = rng.uniform(0.5, 1.5, 2)
        drawn = ((i, a, u, r), (j, b, v, s), (i, b, v, s), (j, a, u, r))
        codes.append([torch.Tensor(plain_code(motions[m][c], w, q, mean, std)) for m, c, w, q in drawn])
    x1, x2, x12, x21 = (torch.stack(each) for each in zip(*codes, strict=True))
    m1, b1 = plain_encode(net, x1)
    m2, b2 = plain_encode(net, x2)
    outs = [net.decode(m1 + b1), net.decode(m2 + b2), net.decode(m1 + b2), net.decode(m2 + b1)]
    m12, b12 = plain_encode(net, x12)
    m21, b21 = plain_encode(net, x21)
    triplets = [(m12, m1, m2), (m21, m2, m1), (b21, b1, b2), (b12, b2, b1)]
    loss = sum(F.triplet_margin_loss(*(t.reshape(PAIRS, -1) for t in triple)) for triple in triplets)
    return loss + sum(F.mse_loss(o, x) for o, x in zip(outs, (x1, x2, x12, x21), strict=True))


def plain_features(net, x):
    """The encoder's features, head by head; x (N, C, T, V, M)."""
    n, c, t, v, m = x.shape
    x = net.data_bn(x.permute(0, 4, 3, 1, 2).contiguous().view(n, m * v * c, t))
    x = x.view(n, m, v, c, t).permute(0, 1, 3, 4, 2).contiguous().view(n * m, c, t, v)
    for block in net.blocks:
        unit, y = block.spatial, None
        n_m, c, t, v = x.shape
        r = unit.inner
        for h in range(unit.heads):
            theta = F.conv2d(x, unit.attend.weight[h * r : (h + 1) * r], unit.attend.bias[h * r : (h + 1) * r])
            rows = slice((unit.heads + h) * r, (unit.heads + h + 1) * r)
            phi = F.conv2d(x, unit.attend.weight[rows], unit.attend.bias[rows])
            scores = theta.permute(0, 3, 1, 2).contiguous().view(n_m, v, r * t) @ phi.view(n_m, r * t, v)
            gather = unit.dependency[h] + F.softmax(scores / (r * t), -2)
            z = F.conv2d((x.view(n_m, c * t, v) @ gather).view(n_m, c, t, v), unit.mix.weight[..., h : h + 1])
            y = z if y is None else z + y
        y = unit.bn(y + unit.mix.bias[:, None, None])
        y = F.relu(y + (x if unit.down is None else unit.down(x, None)))
        y = block.temporal.bn(block.temporal.conv(y))
        if block.identity:
            y = y + x
        elif block.around is not None:
            y = y + block.around(x, None)
        x = F.relu(y)
    return x.view(n, m, x.shape[1], -1, v).mean(4).mean(1).permute(0, 2, 1)


def compared(name, ours, plain, parameters):
    """Rows for a step in float32 and in bfloat16, and where ours goes."""

    def step(loss, half=False):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            value = loss()
        parameters.zero_grad()
        value.backward()

    seconds = fastest(
        {"ours": lambda: step(ours), "official": lambda: step(plain), "half": lambda: step(ours, True)}, ROUNDS
    )
    with profile() as spent:
        step(ours)
    ops = sorted(spent.key_averages(), key=lambda r: -r.self_cpu_time_total)
    total = sum(r.self_cpu_time_total for r in ops)
    more = {
        "convolutions": round(sum(r.self_cpu_time_total for r in ops if "conv" in r.key) / total, 2),
        "profile": {r.key: round(r.self_cpu_time_total / total, 3) for r in ops[:6]},
    }
    what, against = f"LAC training step, {name}", "the official arithmetic its way"
    return [
        row(what, against, seconds["ours"], seconds["official"], **more),
        row(f"{what}, in bfloat16", f"{against} in float32", seconds["half"], seconds["official"]),
    ]


def generator_case():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    generator = Generator(GeneratorConfig(up="z"), Spec("body15", 15, 1, 3)).train()
    skeleton = torch.randn(2 * PAIRS, FRAMES, 1, 15, 3)
    batch = {"skeleton": skeleton, "mask": torch.ones(2 * PAIRS, FRAMES, dtype=torch.bool)}
    generator.calibrate([batch])
    pool = skeleton[:, :, 0].permute(0, 2, 3, 1).double().numpy()
    motions = [[np.ascontiguousarray(m) for _ in range(4)] for m in pool]
    return compared(
        f"generator, {PAIRS} pairs of {FRAMES} frames",
        lambda: generator.losses(batch)["total"],
        lambda: plain_generator_loss(generator.network, motions, rng),
        generator,
    )


def encoder_case(absent):
    torch.manual_seed(0)
    net = Unik(JOINTS, 2, 2, 128).train()
    x = torch.randn(CLIPS, LENGTH, 2, JOINTS, 2)
    if absent:
        x[:, :, 1] = 0
    official = x.permute(0, 4, 1, 3, 2).contiguous()
    if not absent:
        with torch.no_grad():
            assert (net.features(x) - plain_features(net, official)).abs().max() < 1e-3
    return compared(
        f"encoder, {CLIPS} clips of {LENGTH} frames, {'the second of ' * absent}2 persons{' absent' * absent}",
        lambda: net.features(x).square().mean(),
        lambda: plain_features(net, official).square().mean(),
        net,
    )


def main():
    torch.set_num_threads(1)
    rows = generator_case() + encoder_case(False) + encoder_case(True)
    shares = [r["convolutions"] for r in rows if "convolutions" in r]
    save(
        "lac_step",
        rows,
        f"convolutions over time, {min(shares):.0%} to {max(shares):.0%} of the steps, at the processor's rate for the "
        "precision; persons who are absent are not computed",
    )


if __name__ == "__main__":
    main()
