"""How much faster CAR is than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/car_step.py` (about four minutes). Both sides take the same motions,
captions and shuffled texts, have the same weights and run in one process on one thread; times are processor time, the
best of several rounds (more for encoding, which is short), the sides in turns. It is first checked that both encode
and decode alike.

The plain side, written from the description of the official code: the layers of `torch.nn.Transformer`; every text has
128 tokens and every motion 224 frames, the rest being padding; motions are decoded from both latents one after the
other; the language model (DistilBERT's size, random weights) runs on all 128 tokens of all texts in every step. The
official training runs another, larger language model in every step to compare captions; it is left out on both sides.
Ours remembers what the frozen language model said of a text, for it says it again in the next epoch; that is measured
as well with the memory emptied before every step, and without the language model on either side. A motion in the last
rows is as long as allowed, so that nothing is gained from padding.

Results go to `benchmarks/results/car_step.json`.
"""

import tempfile
from pathlib import Path

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import torch
import torch.nn.functional as F
from torch import nn

from acteme.nn.text import Text, encoder, fresh_model
from acteme.recordings.spec import Spec
from acteme.systems.describe.car import AlignConfig, Retriever
from acteme.systems.describe.car.networks import positions
from acteme.systems.describe.car.texts import Caption

TOKENS, FRAMES, CLIPS = 128, 224, 4
LENGTHS = {"motions of 3 to 10 s": (196, 60, 120, 84), "motions of full length": (FRAMES,) * CLIPS}
SPEC = Spec("smpl22", 22, 1, 3)
BOUND = "matrix products of the transformers and of the language model"


class PlainEncoder(nn.Module):
    """Two tokens and a sequence through torch's own layers."""

    def __init__(self, ours):
        super().__init__()
        size = ours.size
        kind = nn.TransformerEncoderLayer(size.width, size.heads, size.hidden, size.dropout, "gelu", batch_first=True)
        self.projection, self.tokens = ours.projection, ours.tokens
        self.layers = nn.TransformerEncoder(kind, size.layers)
        for plain, own in zip(self.layers.layers, ours.blocks, strict=True):
            carry(plain, own)
        self.drop = nn.Dropout(size.dropout)

    def forward(self, x, mask):
        x = torch.cat([self.tokens.expand(len(x), -1, -1), self.projection(x)], 1)
        x = self.drop(x + positions(x.shape[1], x.shape[2]))
        mask = torch.cat([mask.new_ones(len(mask), 2), mask], 1)
        return self.layers(x, src_key_padding_mask=~mask)[:, :2].unbind(1)


class PlainDecoder(nn.Module):
    """Time queries that attend to one vector, by torch's own layers."""

    def __init__(self, ours):
        super().__init__()
        size = ours.size
        kind = nn.TransformerDecoderLayer(size.width, size.heads, size.hidden, size.dropout, "gelu", batch_first=True)
        self.layers, self.out = nn.TransformerDecoder(kind, size.layers), ours.out
        for plain, own in zip(self.layers.layers, ours.blocks, strict=True):
            carry(plain, own)
        self.drop = nn.Dropout(size.dropout)

    def forward(self, z, mask):
        queries = self.drop(torch.zeros(*mask.shape, z.shape[1]) + positions(mask.shape[1], z.shape[1]))
        out = self.out(self.layers(tgt=queries, memory=z[:, None], tgt_key_padding_mask=~mask))
        out[~mask] = 0
        return out


@torch.no_grad()
def carry(plain, own):
    """Our layer's weights in torch's."""
    for a, b in ((plain.self_attn.out_proj, own.attention.outside), (plain.linear1, own.first),
                 (plain.linear2, own.second)):  # fmt: skip
        a.load_state_dict(b.state_dict())
    plain.self_attn.in_proj_weight.copy_(own.attention.inside.weight)
    plain.self_attn.in_proj_bias.copy_(own.attention.inside.bias)
    for n, norm in enumerate(own.norms, 1):
        getattr(plain, f"norm{n}").load_state_dict(norm.state_dict())
    if own.glance is not None:
        plain.multihead_attn.in_proj_weight[-len(own.glance.value.weight) :] = own.glance.value.weight
        plain.multihead_attn.in_proj_bias[-len(own.glance.value.bias) :] = own.glance.value.bias
        plain.multihead_attn.out_proj.load_state_dict(own.glance.outside.state_dict())


def divergence(q, p):
    ratio = q[1] - p[1]
    return (0.5 * (ratio.exp() + (p[0] - q[0]).pow(2) / p[1].exp() - 1 - ratio)).mean()


def draw(mean, log, noise):
    return mean + noise * torch.randn_like(mean) * log.exp().pow(0.5)


def plain_loss(nets, x, mask, states, tokens, noise):
    """The official loss from the language model's states (padded to 128 tokens)."""
    count = len(x)
    text = nets["text"](states, tokens)
    z_text = draw(*text, noise)
    text_motion = nets["decoder"](z_text[:count], mask)
    motion = nets["motion"](x, mask)
    z_motion = draw(*motion, noise)
    motion_motion = nets["decoder"](z_motion, mask)
    own, unit = (text[0][:count], text[1][:count]), (torch.zeros_like(motion[0]), torch.zeros_like(motion[1]))
    recons = F.smooth_l1_loss(text_motion, x) + F.smooth_l1_loss(motion_motion, x)
    kl = divergence(own, motion) + divergence(motion, own) + divergence(motion, unit) + divergence(own, unit)
    s = F.normalize(z_text, dim=-1) @ F.normalize(z_motion, dim=-1).T / 0.1
    at = torch.arange(count)
    contrast = (F.cross_entropy(s[:count], at) + F.cross_entropy(s.T, at)) / 2
    return recons + 1e-5 * kl + 1e-5 * F.smooth_l1_loss(z_text[:count], z_motion) + 0.1 * contrast


def padded(x, length):
    return F.pad(x, (0, 0) * (x.ndim - 2) + (0, length - x.shape[1]))


def measure(folder, name, lengths, rounds):
    torch.manual_seed(0)
    module = Retriever(AlignConfig(text=Text(str(folder)), judge=""), SPEC)
    nets = nn.ModuleDict({"motion": PlainEncoder(module.motion_encoder), "text": PlainEncoder(module.text_encoder),
                          "decoder": PlainDecoder(module.decoder)})  # fmt: skip
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    x = torch.randn(CLIPS, max(lengths), 263) * mask[..., None]
    long, whole = padded(x, FRAMES), padded(mask[..., None], FRAMES)[..., 0]
    told = [Caption("", (f"walk {i}", f"jump {i}")) for i in range(CLIPS)]
    texts = [" ".join(c.events) for c in told] + [" ".join(c.events[::-1]) for c in told]
    ids, exists = module.text.tokenize(texts)
    ids, exists = padded(ids[..., None], TOKENS)[..., 0], padded(exists[..., None], TOKENS)[..., 0]

    def language_model():
        return module.text.tokens(ids, exists)

    def forget():
        encoder._MEMORY.clear()
        module.compare(x, mask, told)["total"].backward()

    states = language_model()
    module.eval(), nets.eval()
    with torch.no_grad():
        own = module.text_encoder(*module.text.states(texts))[0]
        apart = (own - nets["text"](states, exists)[0]).abs().max().item()
        apart = max(apart, (module.motion_encoder(x, mask)[0] - nets["motion"](long, whole)[0]).abs().max().item())
        z = torch.randn(CLIPS, 256)
        apart = max(apart, (padded(module.decoder(z, mask), FRAMES) - nets["decoder"](z, whole)).abs().max().item())
    assert apart < 1e-4, apart
    module.train(), nets.train()
    kept = module.text.states(texts)

    def step():
        texts_ = module.text_encoder(*kept)[:2]
        module.weigh(x, mask, texts_, torch.eye(CLIPS, dtype=torch.bool))["total"].backward()

    training = fastest({
        "ours": lambda: module.compare(x, mask, told)["total"].backward(),
        "ours, forgetful": forget,
        "official way": lambda: plain_loss(nets, long, whole, language_model(), exists, 1).backward(),
        "ours, without": step,
        "official way, without": lambda: plain_loss(nets, long, whole, states, exists, 1).backward(),
    }, rounds)  # fmt: skip
    module.eval(), nets.eval()
    with torch.no_grad():
        inference = fastest({
            "motions, ours": lambda: module.motion_encoder(x, mask),
            "motions, official way": lambda: nets["motion"](long, whole),
            "texts, ours": lambda: (encoder._MEMORY.clear(), module.encode_texts(texts)),
            "texts, official way": lambda: nets["text"](language_model(), exists),
        }, 3 * rounds)  # fmt: skip
    official, what = "the official arithmetic its way", f"CAR training step, official size, {CLIPS} {name}"
    rows = [
        row(what, official, training["ours"], training["official way"]),
        row(f"{what}, texts never seen before", official, training["ours, forgetful"], training["official way"]),
        row(f"{what}, the language model left out on both sides", official, training["ours, without"],
            training["official way, without"]),
        row(f"CAR encoding of {CLIPS} {name}", official, inference["motions, ours"],
            inference["motions, official way"]),
    ]  # fmt: skip
    if len(set(lengths)) > 1:
        both = [sum(inference[f"{kind}, {side}"] for kind in ("motions", "texts")) for side in ("ours", "official way")]
        rows += [
            row(f"CAR encoding of {len(texts)} texts, language model included", official, inference["texts, ours"],
                inference["texts, official way"]),
            row("CAR encoding of both, as an evaluation does", official, *both),
        ]  # fmt: skip
    return rows


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = fresh_model(Path(folder) / "model", "distilbert", width=768, layers=6, heads=12)
        found = [r for name, lengths in LENGTHS.items() for r in measure(model, name, lengths, 2)]
    save("car_step", found, BOUND, threads=1)


if __name__ == "__main__":
    main()
