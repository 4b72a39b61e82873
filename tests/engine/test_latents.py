"""Latents of recordings are the means of those of their windows."""

import numpy as np
import torch

from acteme.engine.latents import latent_width, recording_latents, window_latents
from acteme.recordings.windows import Windows
from tests.engine.toys import untrimmed
from tests.engine.trained import segmenting


def test_recording_latents_are_means_over_windows():
    run, _ = segmenting()
    module, corpus = run.module("encoder"), untrimmed(3, frames=21)
    windows = Windows(frames=8, stride=8)
    got = recording_latents(module, corpus, windows, 2)
    with torch.no_grad():
        for i in range(3):
            batch = corpus.batch(np.array([i] * 3), np.array([0, 8, 13]), 8)
            np.testing.assert_allclose(got[i], module.encode(batch).pooled.mean(0).numpy(), rtol=1e-4, atol=1e-6)


def test_whole_recordings_are_encoded_up_to_the_limit():
    run, _ = segmenting()
    corpus = untrimmed(2, frames=30)
    ((index, start, frames, latent),) = window_latents(run.module("encoder"), corpus, Windows(None, limit=20), 8)
    assert index.tolist() == [0, 1] and start.tolist() == [0, 0] and frames.tolist() == [20, 20]
    assert latent.shape == (2, 3)


def test_the_size_of_tokens_is_not_that_of_what_is_pooled():
    from acteme.recordings.latents import Latents

    class Wide(torch.nn.Module):
        def encode(self, batch):
            x = batch["skeleton"].flatten(2)
            return Latents(x[..., :5], torch.cat([x.mean(1), x.mean(1)], 1), batch["mask"])

    corpus = untrimmed(2)
    for windows in (Windows(frames=8), Windows(None, limit=20)):
        assert latent_width(Wide(), corpus, windows, frames=True) == 5
        assert latent_width(Wide(), corpus, windows, frames=False) == 2 * 17 * 2
