"""How much faster Y-net, the base of Latent Corridors, is than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/corridors_step.py` (about five minutes). Both sides take the same tracks,
start from the same weights and run in one process on one thread; times are processor time, the best of several
rounds, the sides in turns. Ours is measured in bfloat16 (autocast) as well, which is not the same arithmetic, and so is
the form with one decoder that Latent Corridors stand on, which is not the same function.

The plain side, written from the description of the official code: a map is a piece cut out of a large template, a
person and step at a time; the scene's map is repeated for every person; whole target maps are made and compared;
positions are read off the maps in every training step. Goals are decoded one after the other from copies of the
features; their draws are clustered a person and a cluster at a time.

Results go to `benchmarks/results/corridors_step.json`.
"""

import copy

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch
import torch.nn.functional as F

from acteme.recordings.spec import Spec
from acteme.systems.anticipate.corridors import Base, BaseConfig, Config, Grid, Network, PredictorConfig

SIDE, SAMPLES, DRAWS, THRESHOLD = 1050, 20, 10_000, 0.002
CASES = {
    "official size, {} people in 288 x 480": ((288, 480), (32, 32, 64, 64, 64), (64, 64, 64, 32, 32), 8, 2),
    "small size, {} people in 64 x 96": ((64, 96), (32, 32, 64, 64, 64), (64, 64, 64, 32, 32), 8, 4),
}


def templates():
    """Distances from the middle, and a Gaussian of 31 x 31 in it."""
    at = np.indices([SIDE, SIDE]) - SIDE // 2
    distance = np.linalg.norm(at, axis=0)
    ax = np.linspace(-15, 15, 31)
    kernel = np.exp(-0.5 * (ax[:, None] ** 2 + ax[None] ** 2) / 16)
    gauss = np.zeros((SIDE, SIDE))
    gauss[SIDE // 2 - 15 : SIDE // 2 + 16, SIDE // 2 - 15 : SIDE // 2 + 16] = kernel / kernel.sum()
    return torch.tensor(distance / distance.max() * 2).float(), torch.tensor(gauss).float()


def patches(template, xy, size):
    """A map of each position (n, 2), cut out one at a time."""
    x, y = np.round(xy[:, 0].numpy()).astype(int), np.round(xy[:, 1].numpy()).astype(int)
    low_x, low_y = SIDE // 2 - x, SIDE // 2 - y
    return torch.stack([template[b : b + size[0], a : a + size[1]] for a, b in zip(low_x, low_y, strict=True)])


def conv(x, layer):
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.padding)


def pair(x, stage):
    return conv(conv(x, stage.one).relu_(), stage.two).relu_()


def plain_features(net, x):
    features = [conv(x, net.encoder.first).relu_()]
    for stage in net.encoder.stages:
        features.append(pair(F.max_pool2d(features[-1], 2), stage))
    return [*features, F.max_pool2d(features[-1], 2)]


def plain_decoder(decoder, features):
    features = features[::-1]
    x = pair(features[0], decoder.center)
    for feature, narrow, stage in zip(features[1:], decoder.narrow, decoder.stages, strict=True):
        x = conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), narrow)
        x = pair(torch.cat([x, feature], 1), stage)
    return conv(x, decoder.last)


def plain_softargmax(x):
    b, n, h, w = x.shape
    x = x.reshape(b, n, -1)
    e = torch.exp(x - x.max(-1, keepdim=True)[0])
    share = 1 / (e.sum(-1, keepdim=True) + 1e-6)
    ys, xs = torch.meshgrid(torch.linspace(0, h - 1, h), torch.linspace(0, w - 1, w), indexing="ij")
    return torch.cat([((v.reshape(-1) * e) * share).sum(-1, keepdim=True) for v in (xs, ys)], -1)


def plain_input(batch, xy, size, distance):
    ground = F.one_hot(batch["surface"][:1].long(), 6).permute(0, 3, 1, 2).float()
    seen = patches(distance, xy[:, :8].reshape(-1, 2), size).reshape(-1, 8, *size)
    return torch.cat([ground.expand(len(seen), -1, -1, -1), seen], 1)


def told(xy, size, distance, scales):
    goal = patches(distance, xy.reshape(-1, 2), size).reshape(-1, 1, *size)
    return [goal, *(F.avg_pool2d(goal, 2**i) for i in range(1, scales))]


def plain_losses(net, batch, xy, size, distance, gauss):
    features = plain_features(net, plain_input(batch, xy, size, distance))
    target = patches(gauss, xy[:, 8:].reshape(-1, 2), size).reshape(-1, 12, *size)
    goal = plain_decoder(net.goal, features)
    total = 1000 * F.binary_cross_entropy_with_logits(goal, target)
    scales = told(xy[:, -1:], size, distance, len(features))
    path = plain_decoder(net.path, [torch.cat(p, 1) for p in zip(features, scales, strict=True)])
    total = total + 1000 * F.binary_cross_entropy_with_logits(path, target)
    with torch.no_grad():  # errors of every training step, for display
        plain_softargmax(path), plain_softargmax(goal[:, -1:])
    return total


def plain_clusters(points, count):
    centers = points[torch.randperm(len(points))[:count]]
    for _ in range(1000):
        near = ((points[:, None] - centers[None]) ** 2).sum(-1).argmin(1)
        before = centers.clone()
        for k in range(count):
            own = points[near == k]
            if not len(own):
                own = points[torch.randint(len(points), (1,))]
            centers[k] = own.mean(0)
        if ((centers - before) ** 2).sum(1).sqrt().sum() ** 2 < 1e-3:
            break
    return centers


def plain_predict(net, batch, xy, size, distance):
    features = plain_features(net, plain_input(batch, xy, size, distance))
    goal = plain_decoder(net.goal, features)[:, [11]]
    chance = torch.sigmoid(goal).flatten(1)
    chance = chance * (chance >= chance.max(1, keepdim=True)[0] * THRESHOLD)
    drawn = torch.multinomial(chance / chance.sum(), DRAWS, replacement=True)
    points = torch.stack([drawn % size[1], drawn // size[1]], -1).float()
    goals = torch.stack([plain_clusters(person, SAMPLES - 1) for person in points], 1)
    goals = torch.cat([plain_softargmax(goal)[:, 0][None], goals])
    futures = []
    for one in goals:
        scales = told(one, size, distance, len(features))
        maps = plain_decoder(net.path, [torch.cat(p, 1) for p in zip(features, scales, strict=True)])
        futures.append(plain_softargmax(maps))
    return torch.stack(futures)


def build(size, encoder, decoder, form):
    torch.manual_seed(0)
    network = Network(form=form, encoder=encoder, decoder=decoder)
    grid = Grid(size=size, surfaces=6, resize=0.25, augment="none")
    config = BaseConfig(PredictorConfig(grid=grid, network=network), Config.ynet().base.windows)
    return Base(config, Spec(channels=2, scenes=("yard",), extents=((0.0, 0.0, size[1] * 4.0, size[0] * 4.0),)))


def people(count, size):
    xy = torch.rand(count, 20, 2) * torch.tensor([size[1] - 1.0, size[0] - 1.0])
    surface = torch.randint(0, 6, (1, *size), dtype=torch.uint8).expand(count, -1, -1)
    extent = torch.tensor([[0.0, 0.0, size[1] * 4.0, size[0] * 4.0]]).expand(count, 4)
    mask = torch.ones(count, 20, dtype=torch.bool)
    return xy, {"position": xy * 4, "mask": mask, "extent": extent, "scene": torch.zeros(count, dtype=torch.long),
                "surface": surface}  # fmt: skip


def half(function):
    def run():
        with torch.autocast("cpu", torch.bfloat16):
            function()

    return run


def measure(name, size, encoder, decoder, count, asked):
    ours, single = (build(size, encoder, decoder, form) for form in ("ynet", "unimodal"))
    # contiguous weights, as the official ones are: those of ours would bring the other side their memory layout, too
    net = copy.deepcopy(ours.predictor.net).to(memory_format=torch.contiguous_format)
    distance, gauss = templates()
    xy, batch = people(count, size)
    a, b = ours.losses(batch)["total"], plain_losses(net, batch, xy, size, distance, gauss)
    assert abs(a - b) < 1e-4 * abs(b), (a, b)
    training = fastest({
        "ours": lambda: ours.losses(batch)["total"].backward(),
        "official way": lambda: plain_losses(net, batch, xy, size, distance, gauss).backward(),
        "bfloat16": half(lambda: ours.losses(batch)["total"].backward()),
        "one decoder": lambda: single.losses(batch)["total"].backward(),
    }, 2)  # fmt: skip
    ours.eval()
    few, part = xy[:asked], {n: v[:asked] for n, v in batch.items()}
    with torch.no_grad():
        inference = fastest({
            "ours": lambda: ours.predict(part),
            "official way": lambda: plain_predict(net, part, few, size, distance),
            "bfloat16": half(lambda: ours.predict(part)),
            "ours, one goal": lambda: ours.predictor.predict(ours.predictor.see(part), samples=1),
        }, 2)  # fmt: skip
    step, seen = f"Y-net training step, {name.format(count)}", f"Y-net inference, 20 goals, {name.format(asked)}"
    official = "the official arithmetic its way"
    return [
        row(step, official, training["ours"], training["official way"]),
        row(f"{step}, in bfloat16", f"{official} in float32", training["bfloat16"], training["official way"]),
        row(f"{step}, one decoder (Latent Corridors)", f"{official}, two decoders", training["one decoder"],
            training["official way"]),
        row(seen, official, inference["ours"], inference["official way"]),
        row(f"{seen}, in bfloat16", f"{official} in float32", inference["bfloat16"], inference["official way"]),
        row(f"{seen.replace('20 goals', 'one goal')}", f"{official}, 20 goals", inference["ours, one goal"],
            inference["official way"]),
    ]  # fmt: skip


BOUND = "convolutions, five sixths of a training step and four fifths of inference, as fast as matrix products"
"""From a profile of one step each."""


def main():
    torch.set_num_threads(1)
    save("corridors_step", [r for name, case in CASES.items() for r in measure(name, *case)], BOUND, threads=1)


if __name__ == "__main__":
    main()
