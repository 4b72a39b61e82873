"""Models with random weights."""

import pytest
import torch

from acteme.errors import InputError
from acteme.nn.text import Text, TextEncoder, fresh_model


def test_the_seed_decides_the_weights(tmp_path):
    a, b, c = (
        TextEncoder(Text(str(fresh_model(tmp_path / name, seed=seed)))) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    texts = ["one", "öü", "🙂"]
    assert torch.equal(a(texts), b(texts)) and not torch.allclose(a(texts), c(texts))
    _, mask = a.tokenize(texts)
    assert mask.sum(1).tolist() == [5, 6, 6], "one token per byte"


def test_sizes(tmp_path):
    model = TextEncoder(Text(str(fresh_model(tmp_path / "m", "clip", width=24, heads=3, limit=10)), trained=True))
    assert (model.width, model.token_width, model.limit) == (12, 24, 10)


def test_what_cannot_be(tmp_path):
    with pytest.raises(InputError, match="3 heads cannot share a width of 32"):
        fresh_model(tmp_path / "m", heads=3)
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="is there already"):
        fresh_model(tmp_path / "there")
