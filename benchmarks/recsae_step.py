"""How much faster RecSAE's autoencoder is than the official implementation's arithmetic done its way.

Run from the repository: `python benchmarks/recsae_step.py` (about a minute). Both sides take the same vectors of a
recommender, have the same weights and run in one process on one thread; times are processor time, the best of several
rounds, the sides in turns. It is first checked that both lose alike and give the same gradients.

The plain side, written from the description of the official code: the chosen activations are laid out among zeros for
all latents and multiplied with the whole decoder, twice where dead latents learn; the numbers of the chosen latents go
through a Python set, from which the mask of the dead ones is made by a search. Steering compares scoring users with one
latent silenced.

Results go to `benchmarks/results/recsae_step.json`.
"""

from functools import partial

from _measure import fastest, row, save  # isort: skip; keeps NumPy and Torch to one thread

import torch
import torch.nn.functional as F

from acteme.recordings.spec import Spec
from acteme.systems.inspect.recsae import AutoencodeConfig, Autoencoder

SIZES = {"8 histories of 20 steps, 1,024 latents, 8 kept": (160, 16, 8), "2,048 latents, 32 kept": (160, 32, 32),
         "256 users, 1,024 latents, 8 kept": (256, 16, 8)}  # fmt: skip
WIDTH = 64
BOUND = "the product of vectors and encoder, and its gradient"


class Plain:
    """The same weights, everything laid out."""

    def __init__(self, ours):
        own = ours.dictionary
        self.encoder, self.decoder, self.center, self.k = own.encoder, own.decoder, own.center, own.k
        self.latents, self.active, self.before = len(own.decoder), set(), None

    def chosen(self, x):
        activations = F.relu(self.encoder(x - self.center))
        value, index = activations.topk(self.k, dim=1)
        self.active.update(index.numpy().flatten())
        return activations, torch.zeros_like(activations).scatter_(1, index, value)

    def loss(self, x):
        activations, z = self.chosen(x)
        missed = z @ self.decoder + self.center - x
        total = (x - x.mean(0)).pow(2).sum()
        fvu = missed.pow(2).sum() / total
        half = x.shape[1] // 2
        dead = torch.isin(torch.arange(self.latents), self.before, invert=True)
        count = self.latents - len(self.before)
        if not count:
            return fvu
        hidden = torch.where(dead[None], activations, -torch.inf)
        value, index = hidden.topk(min(half, count), sorted=False)
        explained = torch.zeros_like(hidden).scatter_(1, index, value) @ self.decoder + self.center
        aux = min(count / half, 1.0) * (explained - missed).pow(2).sum() / total
        return fvu + aux / 32

    @torch.no_grad()
    def silenced(self, x):
        z = self.chosen(x)[1]
        z[:, 3] = 0
        return z @ self.decoder + self.center


def train_ours(ours, optimizer, x):
    optimizer.zero_grad()
    ours.reconstruct(x)["total"].backward()
    optimizer.step()
    ours.after_step()


def train_plain(plain, optimizer, x):
    optimizer.zero_grad()
    plain.loss(x).backward()
    optimizer.step()


@torch.no_grad()
def silenced(ours, x):
    ours.turn({3: 0.0})
    return ours.through(x)


def main():
    rows: list[dict[str, object]] = []
    for what, (vectors, scale, k) in SIZES.items():
        torch.manual_seed(0)
        config = AutoencodeConfig(width=WIDTH, scale=scale, k=k, dead="epoch", official_revival=True)
        ours = Autoencoder(config, Spec())
        ours.dictionary.encoder.bias.data.normal_(0, 0.1)
        plain, x = Plain(ours), torch.randn(vectors, WIDTH)
        half = torch.randperm(WIDTH * scale)[: WIDTH * scale // 2]
        plain.before = half
        ours.quiet.fill_(1)
        ours.quiet[half] = 0
        parameters = list(ours.dictionary.parameters())
        both = [torch.autograd.grad(loss, parameters) for loss in (ours.reconstruct(x)["total"], plain.loss(x))]
        for one, two in zip(*both, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)

        one, two = (torch.optim.Adam(parameters, 1e-5) for _ in range(2))
        times = fastest({"ours": partial(train_ours, ours, one, x), "plain": partial(train_plain, plain, two, x)}, 30)
        rows.append(row(f"training step, {what}", "official arithmetic", times["ours"], times["plain"]))
        users = torch.randn(2000, WIDTH)

        torch.testing.assert_close(silenced(ours, users), plain.silenced(users), rtol=1e-4, atol=1e-4)
        times = fastest({"ours": partial(silenced, ours, users), "plain": partial(plain.silenced, users)}, 20)
        rows.append(row(f"2,000 users with a latent silenced, {what.partition(', ')[2] or what}", "official arithmetic",
                        times["ours"], times["plain"]))  # fmt: skip
    save("recsae_step", rows, BOUND, threads=1)


if __name__ == "__main__":
    main()
