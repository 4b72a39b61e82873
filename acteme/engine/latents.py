"""Latents of the recordings of a corpus."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from acteme.engine.device import device_of
from acteme.engine.logs import at_once, ending, every, has_users, is_document, reach
from acteme.recordings.batch import to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows


@torch.no_grad()
def window_latents(
    module: nn.Module, corpus: Corpus, windows: Windows, batch: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Recording, first frame, number of frames and pooled latent (b, d) of every window, a batch at a time."""
    index, start = windows.cut(corpus.frames)
    device = device_of(module)
    for i in range(0, len(index), batch):
        which, at = index[i : i + batch], start[i : i + batch]
        window = corpus.cut(windows, which, at)
        pooled = module.encode(to_device(window, device)).pooled  # type: ignore[operator]
        yield which, at, window["frames"].numpy(), pooled.float().cpu().numpy()


def untimed_latents(
    module: nn.Module, corpus: Corpus, windows: Windows, batch: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """As `log_latents`, or of documents as wholes."""
    if not is_document(corpus.spec):
        yield from log_latents(module, corpus, windows, batch)
        return
    for index, start, frames, vectors in window_latents(module, corpus, windows, batch):
        yield index, start, start + frames, vectors


@torch.no_grad()
def log_latents(
    module: nn.Module,
    corpus: Corpus,
    windows: Windows,
    batch: int,
    at: tuple[np.ndarray, np.ndarray] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Recording, first event, one past the last, and pooled latent (b, d): of the latest events of each user, as many
    as the stage looks back at; where there are no users, of every event with those before it.

    Args:
        at: recordings and numbers of the events that windows end with, instead.
    """
    length = reach(windows)
    index, last = at or encoded(corpus)
    step, device = at_once(batch, length), device_of(module)
    for a in range(0, len(index), step):
        which, end = index[a : a + step], last[a : a + step]
        made = ending(corpus, which, end, windows, length)
        pooled = module.encode(to_device(made, device)).pooled  # type: ignore[operator]
        yield which, np.maximum(end + 1 - length, 0), end + 1, pooled.float().cpu().numpy()


def encoded(corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Recording and number of the events that the windows of a log end with."""
    return (np.arange(len(corpus)), corpus.frames - 1) if has_users(corpus) else every(corpus)


@torch.no_grad()
def latent_width(module: nn.Module, corpus: Corpus, windows: Windows, frames: bool) -> int:
    """Size of a module's tokens (`frames`) or of its pooled latents; a stage may pool more than its tokens hold."""
    index, start = windows.cut(corpus.frames)
    found = module.encode(to_device(corpus.cut(windows, index[:1], start[:1]), device_of(module)))  # type: ignore[operator]
    return (found.tokens if frames else found.pooled).shape[-1]


def recording_latents(module: nn.Module, corpus: Corpus, windows: Windows, batch: int) -> np.ndarray:
    """One latent (n, d) per recording: the mean over its windows."""
    parts = list(window_latents(module, corpus, windows, batch))
    index, pooled = np.concatenate([p[0] for p in parts]), np.concatenate([p[3] for p in parts])
    total = np.zeros((len(corpus), pooled.shape[1]), np.float32)
    np.add.at(total, index, pooled)
    return total / np.bincount(index, minlength=len(corpus))[:, None]
