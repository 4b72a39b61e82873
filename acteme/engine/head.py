"""A linear head on an encoder: what the protocols for representations train."""

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.contrast import frozen
from acteme.recordings.annotations import FrameScores, LabelScores
from acteme.recordings.batch import Batch

ROWS = 200_000
"""Most feature rows that a frozen head is solved on; more are thinned evenly."""


class LinearHead(nn.Module):
    """Latents, standardized by the training data's statistics, then one linear layer.

    Args:
        encoder: a trained module with `encode`.
        width: size of its latents.
        classes: number of classes.
        frames: scores of every frame from the tokens, rather than of every window from the pooled latent.
        multilabel: several classes can hold at once (sigmoid rather than softmax).
        tuned: train the encoder as well; a frozen one stays in evaluation mode.
    """

    def __init__(self, encoder: nn.Module, width: int, classes: int, frames: bool, multilabel: bool, tuned: bool):
        super().__init__()
        self.encoder = encoder.requires_grad_(True) if tuned else frozen(encoder)
        self.head = nn.Linear(width, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.mean: Tensor
        self.scale: Tensor
        self.frames, self.multilabel, self.tuned = frames, multilabel, tuned

    def train(self, mode: bool = True) -> "LinearHead":
        super().train(mode)
        if not self.tuned:
            self.encoder.eval()
        return self

    def features(self, batch: Batch) -> Float[Tensor, "b *t d"]:
        """Standardized latents of the windows or, brought to the frame rate by the nearest token, of the frames."""
        with torch.set_grad_enabled(self.tuned and torch.is_grad_enabled()):
            found = self.encoder.encode(batch)  # type: ignore[operator]
        x = found.pooled
        if self.frames:
            x = F.interpolate(found.tokens.transpose(1, 2), batch["mask"].shape[1], mode="nearest").transpose(1, 2)
        if self.tuned and self.training and not x.requires_grad:
            raise InputError("`encode` of this system passes no gradients", "protocol", "use linear or knn")
        return (x - self.mean) * self.scale

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        scores = self.head(self.features(batch))
        if self.frames:
            return {"total": self.loss(scores[batch["mask"]], batch["frame_labels"][batch["mask"]])}
        return {"total": self.loss(scores, F.one_hot(batch["label"], scores.shape[-1]).float())}

    def loss(self, scores: Float[Tensor, "n k"], truth: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
        """Mean cross entropy; frames in which no class holds count only where several can."""
        if self.multilabel:
            return F.binary_cross_entropy_with_logits(scores, truth)
        held = truth.sum(1) > 0
        return -(scores.log_softmax(1) * truth).sum(1)[held].mean() if held.any() else scores.sum() * 0

    def predict(self, batch: Batch) -> FrameScores | LabelScores:
        scores = self.head(self.features(batch))
        scores = scores.sigmoid() if self.multilabel else scores.softmax(-1)
        return FrameScores(scores, batch["mask"]) if self.frames else LabelScores(scores)

    @torch.no_grad()
    def standardize(self, features: Float[Tensor, "n d"]) -> None:
        """Takes mean and standard deviation from training features."""
        self.mean.copy_(features.mean(0))
        self.scale.copy_(1 / features.std(0).clamp_min(1e-6) if len(features) > 1 else torch.ones_like(self.scale))

    @torch.no_grad()
    def rows(self, batches: Iterable[Batch]) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n k"]]:
        """Features and truth of all windows (or existing frames), thinned to `ROWS`."""
        features, truth = [], []
        for batch in batches:
            x = self.features(batch)
            if self.frames:
                features.append(x[batch["mask"]].float().cpu())
                truth.append(batch["frame_labels"][batch["mask"]].cpu())
            else:
                features.append(x.float().cpu())
                truth.append(F.one_hot(batch["label"], self.head.out_features).float().cpu())
        x, y = torch.cat(features), torch.cat(truth)
        keep = torch.from_numpy(np.linspace(0, len(x) - 1, min(len(x), ROWS)).astype(np.int64))
        return x[keep], y[keep]

    def solve(self, batches: Iterable[Batch], decay: float = 1e-3, iterations: int = 200) -> None:
        """Fits the head to frozen latents: the minimum of mean cross entropy + decay |W|^2 / 2, by L-BFGS."""
        x, y = self.rows(batches)
        self.standardize(x)
        x = (x - self.mean.cpu()) * self.scale.cpu()
        weight = torch.zeros_like(self.head.weight, device="cpu", requires_grad=True)
        bias = torch.zeros_like(self.head.bias, device="cpu", requires_grad=True)
        search = torch.optim.LBFGS([weight, bias], max_iter=iterations, line_search_fn="strong_wolfe")

        def objective() -> Tensor:
            search.zero_grad()
            value = self.loss(x @ weight.T + bias, y) + decay * weight.square().sum() / 2
            value.backward()
            return value

        search.step(objective)
        with torch.no_grad():
            self.head.weight.copy_(weight)
            self.head.bias.copy_(bias)
