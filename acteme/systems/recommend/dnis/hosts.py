"""The predictors that the search leads: what is made of the embeddings (B, F, K) of an event's fields.

Each takes the embeddings, already multiplied by the features' values, with the features themselves and their values
for the first-order biases, and gives a number per event: a rating or the logit of a click.
"""

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError

Host = Literal["fm", "mf", "mlp", "neumf", "deepfm", "widedeep", "xdeepfm"]


class Biases(nn.Module):
    """First-order terms: a bias of each feature times its value, summed, and a global one where wished."""

    def __init__(self, count: int, drawn: bool, constant: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, 1))
        self.constant = nn.Parameter(torch.zeros(1)) if constant else None
        if drawn:
            nn.init.xavier_normal_(self.weight)

    def forward(self, ids: Int[Tensor, "b f"], values: Float[Tensor, "b f"] | None) -> Float[Tensor, " b"]:
        first = F.embedding(ids, self.weight).squeeze(-1)
        total = (first if values is None else first * values).sum(1)
        return total if self.constant is None else total + self.constant


def pairs(x: Float[Tensor, "b f k"]) -> Float[Tensor, " b"]:
    """Second-order term of a factorization machine, mean over k of ((sum_f x)^2 - sum_f x^2) / 2."""
    return (x.sum(1).square() - x.square().sum(1)).mean(1) / 2


def linear_layers(sizes: list[int]) -> nn.ModuleList:
    """Linear layers of these sizes."""
    return nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))


def through(layers: nn.ModuleList, x: Float[Tensor, "b i"], last: bool = True) -> Float[Tensor, "b o"]:
    """Linear layers with ReLU between them, and behind the last one unless it is the output (`last`)."""
    for i, layer in enumerate(layers):
        x = layer(x)
        if i + 1 < len(layers) or not last:
            x = F.relu(x)
    return x


class FM(nn.Module):
    """Factorization machine (Rendle, 2010), with the mean over dimensions."""

    def __init__(self, features: int, fields: int, width: int):
        super().__init__()
        self.biases = Biases(features, False)

    @property
    def level(self) -> nn.Parameter | None:
        """The constant that is added to every prediction."""
        return self.biases.constant

    def forward(self, x: Tensor, ids: Tensor, values: Tensor | None) -> Float[Tensor, " b"]:
        return pairs(x) + self.biases(ids, values)


class MF(FM):
    """Matrix factorization: the inner product of user and item, with biases (Koren et al., 2009)."""

    def __init__(self, features: int, fields: int, width: int):
        two(fields, "mf")
        super().__init__(features, fields, width)

    def forward(self, x: Tensor, ids: Tensor, values: Tensor | None) -> Float[Tensor, " b"]:
        return (x[:, 0] * x[:, 1]).sum(1) + self.biases(ids, values)


class MLP(nn.Module):
    """F K -> F K -> F K / 2 -> 1, ReLU."""

    def __init__(self, features: int, fields: int, width: int):
        super().__init__()
        size = fields * width
        self.layers = linear_layers([size, size, size // 2, 1])

    @property
    def level(self) -> nn.Parameter | None:
        return self.layers[-1].bias  # type: ignore[return-value]

    def forward(self, x: Tensor, ids: Tensor, values: Tensor | None) -> Float[Tensor, " b"]:
        return through(self.layers, x.flatten(1)).squeeze(1)


class NeuMF(nn.Module):
    """Neural matrix factorization (He et al., 2017) on one table with K = 5 d: the product of the first d dimensions of
    user and item beside an MLP on the others, 8 d -> 4 d -> 2 d -> d, and a linear layer on both."""

    def __init__(self, features: int, fields: int, width: int):
        super().__init__()
        two(fields, "neumf")
        if width % 5:
            raise InputError(f"NeuMF shares {width} dimensions out in fifths", "network.width", "give a multiple of 5")
        self.d = width // 5
        self.layers = linear_layers([8 * self.d, 4 * self.d, 2 * self.d, self.d])
        self.out = nn.Linear(2 * self.d, 1)

    @property
    def level(self) -> nn.Parameter | None:
        return self.out.bias

    def forward(self, x: Tensor, ids: Tensor, values: Tensor | None) -> Float[Tensor, " b"]:
        product = x[:, 0, : self.d] * x[:, 1, : self.d]
        deep = through(self.layers, x[:, :, self.d :].flatten(1), last=False)
        return self.out(torch.cat([product, deep], 1)).squeeze(1)


class WideDeep(nn.Module):
    """Wide & Deep (Cheng et al., 2016): first-order terms, and an MLP on all embeddings."""

    def __init__(self, features: int, fields: int, width: int, hidden: tuple[int, ...]):
        super().__init__()
        self.biases = Biases(features, True)
        self.layers = linear_layers([fields * width, *hidden, 1])

    @property
    def level(self) -> nn.Parameter | None:
        return self.biases.constant

    def forward(self, x: Tensor, ids: Tensor, values: Tensor | None) -> Float[Tensor, " b"]:
        return self.biases(ids, values) + through(self.layers, x.flatten(1)).squeeze(1)


class DeepFM(WideDeep):
    """DeepFM (Guo et al., 2017): Wide & Deep with the pairs of a factorization machine."""

    def forward(self, x: Tensor, ids: Tensor, values: Tensor | None) -> Float[Tensor, " b"]:
        return super().forward(x, ids, values) + pairs(x)


class XDeepFM(nn.Module):
    """xDeepFM (Lian et al., 2018): compressed interactions of the fields (CIN), an MLP, and first-order terms.

    Layer i of the CIN has maps of all products of a map of the layer before with a field, dimension by dimension, and
    ReLU; the first half of its maps goes on, the second half, or the whole last layer, is summed over dimensions.
    """

    def __init__(self, features: int, fields: int, width: int, cin: tuple[int, ...], hidden: tuple[int, ...]):
        super().__init__()
        if any(size % 2 for size in cin[:-1]):
            raise InputError(f"layers of {', '.join(map(str, cin))} maps cannot be halved", "network.cin",
                             "give even numbers but for the last")  # fmt: skip
        self.biases = Biases(features, True, constant=False)
        inputs = [fields, *(size // 2 for size in cin[:-1])]
        self.cin = nn.ModuleList(nn.Linear(h * fields, size) for h, size in zip(inputs, cin, strict=True))
        self.layers = linear_layers([fields * width, *hidden])
        self.out = nn.Linear(sum(cin[:-1]) // 2 + cin[-1] + hidden[-1], 1)

    @property
    def level(self) -> nn.Parameter | None:
        return self.out.bias

    def forward(self, x: Tensor, ids: Tensor, values: Tensor | None) -> Float[Tensor, " b"]:
        field = maps = x.transpose(1, 2)  # (B, K, F): the products of a dimension are rows of one matrix product
        sums = []
        for i, layer in enumerate(self.cin):
            made = F.relu(layer((maps.unsqueeze(-1) * field.unsqueeze(-2)).flatten(2)))
            kept = 0 if i + 1 == len(self.cin) else made.shape[-1] // 2
            maps = made[..., :kept]
            sums.append(made[..., kept:].sum(1))
        deep = through(self.layers, x.flatten(1), last=False)
        return self.out(torch.cat([*sums, deep], 1)).squeeze(1) + self.biases(ids, values)


def two(fields: int, name: str) -> None:
    """Raises InputError where there are not two fields."""
    if fields != 2:
        what = f"'{name}' is of a user and an item, but events have {fields} field" + "s" * (fields != 1)
        raise InputError(what, "network.host", "take another host, such as fm, or data with two fields")


def make_host(
    kind: Host, features: int, fields: int, width: int, hidden: tuple[int, ...], cin: tuple[int, ...]
) -> nn.Module:
    """The host of a name; without `hidden`, layers of the published sizes."""
    plain = {"fm": FM, "mf": MF, "mlp": MLP, "neumf": NeuMF}
    if kind in plain:
        return plain[kind](features, fields, width)
    if kind == "xdeepfm":
        return XDeepFM(features, fields, width, cin, hidden or (400, 400))
    return (DeepFM if kind == "deepfm" else WideDeep)(features, fields, width, hidden or (400, 400, 400))
