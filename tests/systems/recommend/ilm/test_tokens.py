"""Texts by the tokens and layers of a BERT, which is what phase 1 starts from by default; a random one in a folder."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from acteme.errors import InputError
from acteme.nn.text.pretrained import quiet
from acteme.systems.recommend.ilm import Aligner
from acteme.systems.recommend.ilm.tokens import Tokens, bert_state
from tests.systems.recommend.ilm.cases import QFORMER, aligner, batch

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", ":", "a", "film", "from", "the", "this", "is",
         "of", "kind", "made", "in", "comedy", "drama", "war", "west", "##ern", "1950", "1990", "##s")  # fmt: skip


def bert(folder: Path, width: int = 16, inner: int = 64, places: int = 40, words: tuple[str, ...] = WORDS) -> str:
    """A BERT of four layers, and its word pieces."""
    folder.mkdir()
    numbers = {word: number for number, word in enumerate(words)}
    pieces = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    pieces.normalizer, pieces.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    pieces.post_processor = processors.BertProcessing(*((m, numbers[m]) for m in ("[SEP]", "[CLS]")))
    torch.manual_seed(4)
    with quiet():
        PreTrainedTokenizerFast(tokenizer_object=pieces, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
                                unk_token="[UNK]", mask_token="[MASK]").save_pretrained(folder)  # fmt: skip
        shape = BertConfig(vocab_size=len(words), hidden_size=width, num_hidden_layers=4, num_attention_heads=2,
                           intermediate_size=inner, max_position_embeddings=places)  # fmt: skip
        BertModel(shape).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return bert(tmp_path_factory.mktemp("models") / "bert")


def test_texts_are_the_tokens_of_the_bert(folder):
    tokens = Tokens(folder, 9, 6)
    ids, mask = tokens(["Western film", "a film of the kind drama, made in the 1950s", "zebra"])
    names = [[WORDS[k] for k in row] for row in ids.tolist()]
    assert names[0] == ["[CLS]", "west", "##ern", "film", "[SEP]", "[PAD]"]
    assert names[1] == ["[CLS]", "a", "film", "of", "the", "[SEP]"], "cut to the limit, ends included"
    assert names[2] == ["[CLS]", "[UNK]", "[SEP]", "[PAD]", "[PAD]", "[PAD]"]
    assert mask.tolist() == (ids > 0).tolist()
    assert (tokens.decode, tokens.size) == (len(WORDS), len(WORDS) + 1), "a token of its own begins what is written"
    tokens.build(["other words"])
    assert tokens.vocabulary is None and torch.equal(tokens(["Western film"])[0], ids[:1, :5]), "nothing is chosen"


def test_phase_1_starts_from_the_layers_of_the_bert(folder):
    made, state = aligner(bert=folder), bert_state(folder)
    net = made.qformer
    assert all(torch.equal(value, load_file(f"{folder}/model.safetensors")[name]) for name, value in state.items())
    assert torch.equal(net.words.weight[: len(WORDS)], state["embeddings.word_embeddings.weight"])
    assert torch.equal(net.places.weight, state["embeddings.position_embeddings.weight"][:20])
    assert torch.equal(net.norm.weight, state["embeddings.LayerNorm.weight"])
    for n, block in enumerate(net.blocks):
        layer = f"encoder.layer.{n}."
        assert torch.equal(block.text.up.weight, state[f"{layer}intermediate.dense.weight"])
        assert torch.equal(block.own.up.weight, block.text.up.weight), "queries begin as texts"
        joined = torch.cat([state[f"{layer}attention.self.{part}.weight"] for part in ("query", "key", "value")])
        assert torch.equal(block.qkv.weight, joined)
    assert 0.01 < net.blocks[0].cross.query.weight.std() < 0.03, "what it lacks is drawn"
    assert 0.01 < net.words.weight[made.tokens.decode].std() < 0.03


def test_a_step_of_phase_1_with_a_bert_reaches_its_words_and_is_kept_by_its_state(folder):
    made = aligner(bert=folder).train()
    torch.manual_seed(1)
    out = made.losses(batch())
    assert all(torch.isfinite(value) for value in out.values())
    out["total"].backward()
    reached = made.qformer.words.weight.grad.abs().sum(1) > 0
    assert reached[WORDS.index("drama")] and reached[made.tokens.decode]
    with torch.no_grad():
        for p in made.parameters():
            p.add_(p.grad if p.grad is not None else 0, alpha=-0.1)
    other = Aligner(made.config, made.spec)
    other.load_state_dict(made.state_dict())
    torch.testing.assert_close(made.eval().predict(batch()).query, other.eval().predict(batch()).query)
    assert torch.equal(made.qformer.words.weight, other.qformer.words.weight)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"width": 12}, "BERT's width is 12, the item encoder's 16; set align.qformer.width and speak.qformer.width"),
        ({"inner": 32}, "BERT's inner is 32, the item encoder's 64; set align.qformer.inner and speak.qformer.inner"),
        ({"places": 9}, "BERT's limit is 9, the item encoder's 20; set align.qformer.limit and speak.qformer.limit"),
    ],
)
def test_a_bert_of_another_size_is_refused_in_one_line(tmp_path, shape, said):
    name = bert(tmp_path / "other", **shape)
    with pytest.raises(InputError, match=f"align.bert: {said} to ") as error:
        aligner(bert=name)
    assert "\n" not in str(error.value)
    sizes = {"inner": 64} | {"limit" if key == "places" else key: size for key, size in shape.items()}
    aligner(bert=name, qformer=replace(QFORMER, **sizes))


def test_other_models_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not pad with token 0"):
        Tokens(bert(tmp_path / "late", words=(*WORDS[1:], "[PAD]")), 9, 6)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    with quiet():
        RobertaModel(RobertaConfig(vocab_size=20, **shape)).save_pretrained(tmp_path / "roberta")
    with pytest.raises(InputError, match="a model of type 'roberta' is no BERT"):
        bert_state(str(tmp_path / "roberta"))
    with pytest.raises(InputError, match="neither a folder nor the name"):
        Tokens(str(tmp_path / "nowhere"), 9, 6)
