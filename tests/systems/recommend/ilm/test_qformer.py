"""The item encoder against the library's Q-Former, and the names of LAVIS."""

import pytest
import torch
from transformers import Blip2QFormerConfig
from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel, Blip2TextEmbeddings

from acteme.systems.recommend.ilm import Aligner, QFormerConfig
from acteme.systems.recommend.ilm.qformer import QFormer, from_bert, from_blip2
from tests.systems.recommend.ilm.cases import QFORMER, aligner

H, V = 16, 30


def reference():
    """The library's, with random weights."""
    config = Blip2QFormerConfig(
        vocab_size=V, hidden_size=H, num_hidden_layers=3, num_attention_heads=2, intermediate_size=4 * H,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, max_position_embeddings=20,
        cross_attention_frequency=2, encoder_hidden_size=H, use_qformer_text_input=True,
    )  # fmt: skip
    torch.manual_seed(0)
    made, words = Blip2QFormerModel(config).double().eval(), Blip2TextEmbeddings(config).double()
    for weight in (*made.parameters(), *words.parameters()):
        weight.data.normal_(std=0.3)
    return made, words


def test_it_computes_what_the_library_computes():
    official, words = reference()
    net = QFormer(QFormerConfig(4, H, 3, 2, tokens=2, limit=20, dropout=0.0), 6, V).double().eval()
    state = dict(official.state_dict()) | {f"embeddings.{n}": v for n, v in words.state_dict().items()}
    found = from_blip2(state, "")
    assert set(net.state_dict()) - set(found) == {"queries", "source.weight", "source.bias"}
    assert set(found) <= set(net.state_dict())
    net.load_state_dict(found, strict=False)
    item, ids = torch.randn(3, 2, H).double(), torch.randint(1, V, (3, 7))
    mask = torch.ones(3, 7, dtype=torch.bool)
    mask[1, 5:] = False
    q = net.queries.expand(3, -1, -1)
    with torch.no_grad():
        told = net.encode(item)
        plain = official(query_embeds=q, encoder_hidden_states=item, query_length=4).last_hidden_state
        torch.testing.assert_close(told.z, plain, atol=1e-12, rtol=0)
        plain = official(query_embeds=words(ids), attention_mask=mask.long(), query_length=0).last_hidden_state
        torch.testing.assert_close(net.read(ids, mask)[mask], plain[mask], atol=1e-12, rtol=0)
        both, seen = words(ids, query_embeds=q), torch.nn.functional.pad(mask, (4, 0), value=True)
        plain = official(both, attention_mask=seen.long(), encoder_hidden_states=item, query_length=4)
        torch.testing.assert_close(net.match(item, ids, mask), plain.last_hidden_state[:, :4], atol=1e-12, rtol=0)
        allowed = torch.ones(3, 1, 11, 11, dtype=torch.bool)
        allowed[:, :, :4, 4:] = False
        allowed[:, :, 4:, 4:] = torch.ones(7, 7, dtype=torch.bool).tril() & mask[:, None, None]
        plain = official(both, attention_mask=allowed, encoder_hidden_states=item, query_length=4).last_hidden_state
        found = net.read(ids, mask, told.past, torch.ones(3, dtype=torch.bool))
        torch.testing.assert_close(found[mask], plain[:, 4:][mask], atol=1e-12, rtol=0)


def test_the_names_of_lavis_are_known():
    official, words = reference()
    named = {n.replace(".attention.attention.", ".attention.self.")
             .replace(".crossattention.attention.", ".crossattention.self."): v
             for n, v in official.state_dict().items() if not n.startswith("layernorm")}  # fmt: skip
    state = {f"Qformer.bert.{n}": v for n, v in named.items()}
    state |= {f"Qformer.bert.embeddings.{n}": v for n, v in words.state_dict().items()}
    state |= {"query_tokens": torch.randn(1, 4, H), "temp": torch.tensor(0.05),
              "vision_proj.weight": torch.randn(8, H), "vision_proj.bias": torch.randn(8)}  # fmt: skip
    found = Aligner.official_state_dict(state)
    own = aligner().state_dict()
    assert set(found) <= set(own)
    assert found["qformer.queries"].shape == (4, H) and found["temperature"] == 0.05
    wrong = [n for n, v in found.items() if v.shape != own[n].shape and "words" not in n]
    assert not wrong and found["item_space.weight"].shape == own["item_space.weight"].shape


def test_the_text_branch_can_begin_as_a_bert_does():
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=V - 1, hidden_size=H, num_hidden_layers=4, num_attention_heads=2,
                        intermediate_size=4 * H, max_position_embeddings=40)  # fmt: skip
    bert = BertModel(config).eval()
    bert.embeddings.token_type_embeddings.weight.data.zero_()
    net = QFormer(QFORMER, 6, V).eval()
    net.load_state_dict(from_bert(bert.state_dict(), net.state_dict()), strict=False)
    ids = torch.randint(1, V - 1, (2, 6))
    with torch.no_grad():
        plain = bert(ids, output_hidden_states=True).hidden_states[3]
        torch.testing.assert_close(net.read(ids, ids > 0), plain, atol=1e-5, rtol=0)
    net.begin()
    torch.testing.assert_close(net.blocks[0].own.up.weight, bert.encoder.layer[0].intermediate.dense.weight)


def test_all_heads_of_lavis_are_known():
    transform = "Qformer.cls.predictions.transform"
    shapes = {
        "vision_proj": ("item_space", (8, H)),
        "text_proj": ("text_space", (8, H)),
        "itm_head": ("match_head", (2, H)),
        f"{transform}.dense": ("write_head.0", (H, H)),
        f"{transform}.LayerNorm": ("write_head.2", (H,)),
    }
    made = aligner()
    state = {"temp": torch.tensor(0.05), "Qformer.cls.predictions.bias": torch.randn(made.tokens.size)}
    for old, (_, shape) in shapes.items():
        state |= {f"{old}.weight": torch.randn(shape), f"{old}.bias": torch.randn(shape[0])}
    found = Aligner.official_state_dict(state)
    assert len(found) == len(state) == 12 and not made.load_state_dict(found, strict=False).unexpected_keys
    for old, (new, _) in shapes.items():
        for kind in ("weight", "bias"):
            assert torch.equal(made.get_parameter(f"{new}.{kind}"), state[f"{old}.{kind}"])
    assert made.temperature.item() == pytest.approx(0.05)
    assert torch.equal(made.write_bias, state["Qformer.cls.predictions.bias"])
