"""How much faster PCAN's network and losses are than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/pcan_step.py` (about three minutes). Both sides take the same clips, start
from the same weights and run in one process on one thread; times are processor time, the best of several rounds, the
sides in turns. Ours is measured in bfloat16 (autocast) as well, which is not the same arithmetic.

The plain side, written from the description of the official code: convolutions and norms over three axes, with the
channels before them, in maps and weights; copies of both maps before they interact; a loss over the tree that is a
loop over clips, in double precision; a matrix of scores for each of the sets, and a batch of one-hot masks for each;
heatmaps joint by joint.

Results go to `benchmarks/results/pcan_step.json`.
"""

from copy import deepcopy
from dataclasses import replace

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch
import torch.nn.functional as F

from acteme.recordings.spec import Spec
from acteme.systems.recognize.pcan import RecognizeConfig, Recognizer
from acteme.systems.recognize.pcan.picture import Crop, heatmaps
from acteme.systems.recognize.pcan.tree import tree_loss

SIZES = (5, 6, 13, 8, 6, 10, 4)
GROUP_OF = tuple(g for g, n in enumerate(SIZES) for _ in range(n))
SPEC = Spec("ma52_28", 28, 1, 2, tuple(map(str, range(52))), groups=tuple(map(str, GROUP_OF)), video=True)
STREAMS = ("rgb", "pose")
BOUND = "convolutions, three quarters of a training step; batch normalization, a tenth"


def norm(x, bn):
    return F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.training)


def plain_unit(unit, x, relu=True):
    conv = unit.conv
    y = norm(F.conv3d(x, conv.weight, None, conv.stride, conv.padding), unit.bn)
    return F.relu(y, inplace=True) if relu else y


def plain_stage(path, i, x):
    for block in path.get_submodule(path.stages[i]):
        y = plain_unit(block.conv3, plain_unit(block.conv2, plain_unit(block.conv1, x)), relu=False)
        x = F.relu(y + (x if block.downsample is None else plain_unit(block.downsample, x, relu=False)), inplace=True)
    return x


def plain_attention(module, x, y):
    n, t, c = x.shape
    heads = [p(z).reshape(n, t, 8, c // 8).permute(0, 2, 1, 3) for p, z in
             ((module.q_proj, x), (module.k_proj, y), (module.v_proj, y))]  # fmt: skip
    weights = F.softmax(heads[0] @ heads[1].transpose(-2, -1) / (c // 8) ** 0.5, -1)
    weights = F.dropout(weights, 0.1, module.training)
    return module.fc((weights @ heads[2]).transpose(1, 2).reshape(n, t, c))


def plain_interaction(module, rgb, pose):
    kept = rgb.clone(), pose.clone()
    r, p = F.adaptive_max_pool3d(module.conv1(rgb), (8, 1, 1)), F.adaptive_max_pool3d(module.conv2(pose), (8, 1, 1))
    r, p = r.flatten(2).permute(0, 2, 1), p.flatten(2).permute(0, 2, 1)
    r = plain_attention(module.rgb_cross_attn, r, p)
    p = plain_attention(module.skt_cross_attn, p, r)
    r, p = (z.permute(0, 2, 1).contiguous()[..., None, None] for z in (r, p))
    return kept[0] + module.conv4(r) * kept[0], kept[1] + module.conv5(p) * kept[1]


def plain_network(net, video, heat):
    x = F.max_pool3d(plain_unit(net.rgb.conv1, video), (1, 3, 3), (1, 2, 2), (0, 1, 1))
    y = F.max_pool3d(plain_unit(net.pose.conv1, heat), (1, 3, 3), 1, (0, 1, 1))
    x = plain_stage(net.rgb, 0, x)
    for i in range(2):
        x, y = plain_stage(net.rgb, i + 1, x), plain_stage(net.pose, i, y)
        seen = plain_interaction(net.interact[i], x, y)
        to_rgb = F.conv3d(y, net.to_rgb[i].conv.weight, None, (4, 1, 1), (3, 0, 0))
        to_pose = F.conv_transpose3d(x, net.to_pose[i].conv.weight, None, (4, 1, 1), (3, 0, 0), (3, 0, 0))
        x = torch.cat([seen[0], to_rgb], 1)
        y = torch.cat([seen[1], F.relu(norm(to_pose, net.to_pose[i].bn))], 1)
    return {"rgb": plain_stage(net.rgb, 3, x).clone(), "pose": plain_stage(net.pose, 2, y).clone()}


def states():
    out = torch.eye(59, dtype=torch.float64)
    for k in range(52):
        out[7 + k, GROUP_OF[k]] = 1
    return out


def plain_tree(space, logits, groups, label):
    fused = torch.cat([groups.sigmoid(), logits.sigmoid()], 1)
    joint = torch.exp(space.float() @ fused.T)
    whole = joint.sum(0)
    loss = torch.zeros(len(label), dtype=torch.float64)
    for i, y in enumerate(label + 7):
        marginal = joint[:, i].index_select(0, torch.where(space[:, y] > 0)[0]).sum()
        loss[i] = -torch.log(marginal / whole[i])
    return loss.mean()


def unit(x, axis):
    return x / (x.norm(dim=axis, keepdim=True) + 1e-12)


def plain_refine(module, feature, logits, label, right, apart):
    """The contrast of one level; `right` says where a coarser level is right, None at the level of groups."""
    config, k = module.config, len(module.prototypes)
    f = module.project(feature)
    eye = torch.eye(k)
    named, true = eye.index_select(0, logits.max(1)[1]), eye.index_select(0, label)
    tp, fn, fp = true * named, (1 - named) * true, (1 - true) * named
    sets = [fn]
    if right is not None:
        zero, good = torch.tensor(0.0), right[:, None]
        sets = [torch.where(good, fn, zero), torch.where(~good, tp, zero), torch.where(~good, fn, zero)]
        tp = torch.where(good, tp, zero)
    old = module.prototypes.T.detach()
    count = tp.sum(0, keepdim=True)
    keep = (count > 1e-8).float()
    keep[keep > 0.1] = config.momentum
    keep[keep <= 0.1] = 1.0
    memory = old * keep + (1 - keep) * ((f.T @ tp) / (count + 1e-12))
    moved = torch.nn.Parameter(memory.detach())
    true_p = (1 - logits.softmax(1)) * true * config.penalty
    features, score = unit(f, 1), 0.0
    near = unit(memory.T, 1) @ features.T
    for j, members in enumerate([*sets, fp]):
        there = (members.sum(0)[:, None] > 1e-8).float()
        cosine = unit((f.T @ members).T, 1) @ features.T
        penalty = (-cosine if j == len(sets) else cosine) - 1
        scores = ((near + penalty * true_p.T * there) / config.temperature).T.contiguous()
        score = score + F.cross_entropy(scores * module.factors[j], true, reduction="none")
    cosine = (moved.T @ moved) / (moved.norm(dim=0)[:, None] @ moved.norm(dim=0)[None])
    return score.mean() + (torch.norm(cosine, "fro") if apart else 0.0)


def plain_losses(module, maps, label, space):
    group = torch.tensor(np.array([GROUP_OF[y] for y in label.tolist()]))
    total = 0.0
    for name in STREAMS:
        head, x = module.heads[name], maps[name]
        feature = F.dropout(F.adaptive_avg_pool3d(x, 1).flatten(1), head.dropout.p, module.training)
        logits, groups = head.fc(feature), head.fc_group(feature)
        shown = F.adaptive_max_pool2d(x.mean(2), 1).flatten(1)
        right = groups.max(1)[1] == group
        total = total + F.cross_entropy(logits, label) + F.cross_entropy(groups, group)
        total = total + plain_tree(space, logits, groups, label)
        total = total + plain_refine(head.fine, shown, logits, label, right, True) / 5
        total = total + plain_refine(head.coarse, shown, groups, group, None, False) / 5
    return total


def our_losses(module, maps, label):
    config, total = module.config, 0.0
    for name in STREAMS:
        seen = module.backbone.pooled(maps[name])
        parts, _ = module.heads[name].losses(seen.pooled, seen.shown, label)
        drawn = parts["refine"] + parts["group_refine"] + parts["diversity"]
        total = total + parts["class"] + parts["group"] + config.tree * parts["tree"] + config.refine * drawn
    return total


def plain_heatmaps(points, scores, size, sigma):
    """(T, V, size, size) of points (M, T, V, 2) in pixels."""
    m, t, v, _ = points.shape
    out = np.zeros((t, v, size, size), np.float32)
    for frame in range(t):
        for joint in range(v):
            for person in range(m):
                x, y = points[person, frame, joint]
                left, right = max(int(x - 3 * sigma), 0), min(int(x + 3 * sigma) + 1, size)
                top, low = max(int(y - 3 * sigma), 0), min(int(y + 3 * sigma) + 1, size)
                a, b = np.arange(left, right, 1, np.float32), np.arange(top, low, 1, np.float32)
                if not (len(a) and len(b)):
                    continue
                patch = np.exp(-((a - x) ** 2 + (b[:, None] - y) ** 2) / 2 / sigma**2) * scores[person, frame, joint]
                place = out[frame, joint, top:low, left:right]
                out[frame, joint, top:low, left:right] = np.maximum(place, patch)
    return out


def build():
    torch.manual_seed(0)
    return Recognizer(replace(RecognizeConfig(), peaks=True, dropout=0.0), SPEC)


def step(module, loss, kind=torch.float32):
    """Forth and back, with gradients that begin at none."""

    def run():
        module.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == torch.bfloat16):
            loss().backward()

    return run


def network_rows(module, clips, size, rounds):
    plain, space = deepcopy(module), states()
    for p in plain.parameters():
        p.data = p.data.contiguous()
    net, other = module.backbone.network, plain.backbone.network
    video, heat = torch.randn(clips, 3, 8, size, size), torch.rand(clips, 28, 32, size // 4, size // 4)
    label = torch.arange(clips) * 13
    module.eval(), plain.eval()
    with torch.no_grad():
        a, b = net(video, heat), plain_network(other, video, heat)
    apart = max((a[n] - b[n]).abs().max().item() / b[n].abs().max().item() for n in STREAMS)
    assert apart < 1e-3, apart
    module.train(), plain.train()

    def ours():
        return our_losses(module, net(video, heat), label)

    found = fastest({
        "ours": step(module, ours),
        "official way": step(plain, lambda: plain_losses(plain, plain_network(other, video, heat), label, space)),
        "bfloat16": step(module, ours, torch.bfloat16),
    }, rounds)  # fmt: skip
    name = f"PCAN training step, {clips} clips of 8 frames of {size} pixels and 32 heatmaps"
    official = "the official arithmetic its way"
    rows = [row(name, official, found["ours"], found["official way"])]
    rows.append(row(f"{name}, in bfloat16", f"{official} in float32", found["bfloat16"], found["official way"]))
    module.eval(), plain.eval()
    with torch.no_grad():
        jobs = {"ours": lambda: net(video, heat), "official way": lambda: plain_network(other, video, heat)}
        found = fastest(jobs, rounds)
    return [*rows, row(name.replace("training step", "inference"), official, found["ours"], found["official way"])]


def loss_rows(module, clips, rounds):
    space, label = states(), torch.randint(52, (clips,))
    maps = {"rgb": torch.randn(clips, 2048, 1, 1, 1), "pose": torch.randn(clips, 512, 1, 1, 1)}
    module.train()
    logits, groups = torch.randn(clips, 52, requires_grad=True), torch.randn(clips, 7, requires_grad=True)
    group_of = torch.tensor(GROUP_OF)
    start = {n: b.clone() for n, b in module.named_buffers() if n.endswith("prototypes")}
    ours = our_losses(module, maps, label)
    for name, value in start.items():
        module.get_buffer(name).copy_(value)
    apart = abs(ours.item() - plain_losses(module, maps, label, space).item())
    assert apart < 1e-3, apart
    found = fastest({
        "ours": lambda: our_losses(module, maps, label).backward(),
        "official way": lambda: plain_losses(module, maps, label, space).backward(),
        "tree": lambda: tree_loss(logits, groups, label, group_of).backward(),
        "official tree": lambda: plain_tree(space, logits, groups, label).backward(),
    }, rounds)  # fmt: skip
    what, official = f"PCAN heads and losses, {clips} clips, forth and back", "the official arithmetic its way"
    loop = "a loop over clips"
    tree = f"PCAN loss over the tree, {clips} clips, forth and back"
    return [row(what, official, found["ours"], found["official way"]),
            row(tree, loop, found["tree"], found["official tree"])]  # fmt: skip


def heatmap_row(clips, rounds):
    rng, sigma = np.random.default_rng(0), 0.7
    points = rng.uniform(2, 54, (clips, 32, 1, 28, 2)).astype(np.float32)
    scores = np.ones((clips, 32, 1, 28), np.float32)
    crop = Crop(torch.zeros(clips, 2), torch.ones(clips, 2), torch.zeros(clips, dtype=torch.bool))
    xy, ones, joints = torch.from_numpy(points) / 28 - 1, torch.from_numpy(scores), list(range(28))

    def plainly():
        return np.stack([plain_heatmaps(p.swapaxes(0, 1), s.swapaxes(0, 1), 56, sigma)
                         for p, s in zip(points, scores, strict=True)])  # fmt: skip

    ours = heatmaps(xy, ones, crop, 56, sigma, joints).transpose(1, 2).numpy()
    assert np.abs(ours - plainly()).max() < 1e-3
    found = fastest({"ours": lambda: heatmaps(xy, ones, crop, 56, sigma, joints), "loop": plainly}, rounds)
    return row(f"heatmaps of {clips} clips of 32 frames, 28 joints, 56 pixels", "joint by joint", found["ours"],
               found["loop"])  # fmt: skip


def main():
    torch.set_num_threads(1)
    module = build()
    rows = [*network_rows(module, 2, 224, 2), *network_rows(module, 4, 64, 4)]
    rows += [*loss_rows(module, 10, 20), *loss_rows(module, 64, 20), heatmap_row(10, 4)]
    save("pcan_step", rows, BOUND, threads=1)


if __name__ == "__main__":
    main()
