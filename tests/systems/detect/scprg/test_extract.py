"""The extractor as a whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.annotations import Arguments
from acteme.recordings.documents.document import Argument, Document, Event, Ontology
from acteme.recordings.documents.readers import made
from acteme.recordings.spec import Spec
from acteme.systems.detect.scprg import (
    Config,
    Encoder,
    EncoderConfig,
    ExtractConfig,
    Extractor,
    Layout,
    Pooling,
    PretrainConfig,
)
from acteme.systems.detect.scprg.head import focal
from acteme.systems.detect.scprg.pretrain import masked
from tests.systems.detect.scprg.cases import (
    DOCUMENTS,
    FRESH,
    ONTOLOGY,
    batch,
    bert,
    corpus,
    extractor,
    pretrainer,
    scaled,
)


def certain(module: Extractor, wanted) -> Extractor:
    """Predicts of each row the roles that `wanted` gives spans of words: {(row, first, last): {label: logit}}."""

    def head(h, a, tokens, open_):
        rows = module.rows.of(batch())
        logits = torch.zeros(len(tokens.of), open_.shape[1])
        logits[:, 0] = 1
        for n, (of, (i, j)) in enumerate(zip(tokens.of.tolist(), tokens.span.tolist(), strict=True)):
            words = (of, int(rows[of].word_at[i]), int(rows[of].word_at[j]))
            for label, value in wanted.get(words, {}).items():
                if label in open_[of].tolist():
                    logits[n, open_[of].tolist().index(label)] = value
        return logits.masked_fill(open_[tokens.of] < 0, -1e4)

    head.transform_start = module.head.transform_start
    object.__setattr__(module, "_modules", {**module._modules, "head": _Stub(head, module.head.transform_start)})
    return module


class _Stub(torch.nn.Module):
    def __init__(self, function, layer):
        super().__init__()
        self.function, self.transform_start = function, layer

    def forward(self, *given):
        return self.function(*given)


def test_what_is_most_probable_is_predicted_in_words():
    wanted = {(0, 0, 0): {1: 5.0}, (0, 6, 7): {1: 3.0, 2: 4.0}, (1, 7, 7): {3: 2.0, 1: 9.0}, (0, 3, 3): {2: 0.5}}
    found = certain(extractor(), wanted).predict(batch())
    assert found.document.tolist() == [0, 0, 1] and found.span.tolist() == [[0, 0], [6, 7], [7, 7]]
    assert found.role.tolist() == [0, 1, 2]  # killer of another type is not open to the second event
    assert found.trigger.tolist() == [[4, 4], [4, 4], [1, 1]]
    assert found.score[0] == pytest.approx(np.exp(5) / (np.exp(5) + np.e + 1), rel=1e-5)


def test_of_a_role_only_as_many_as_its_type_allows():
    wanted = {(0, k, k): {1: 3.0 + k} for k in (0, 1, 3)} | {(0, 5, 5): {2: 2.0}, (1, 7, 7): {3: 2.0}}
    free, bound = (certain(extractor(constrained=c), wanted).predict(batch()) for c in (False, True))
    assert len(free) == 5 and bound.span[:, 0].tolist() == [3, 5, 7]
    several = replace(ONTOLOGY, types={"life.die": {"killer": 2, "victim": 0}, "move.rain": {"place": 1}})
    module = certain(extractor(of=made(DOCUMENTS, several), constrained=True), wanted)
    assert sorted(module.predict(batch()).span[:, 0].tolist()) == [1, 3, 5, 7]
    nothing = Arguments(*(np.zeros((0, *s), np.int64) for s in ((), (2,), (2,), ())))
    assert module._allowed(nothing).shape == (0,)


def test_the_official_protocol_leaks_and_ours_does_not():
    """True spans come back as candidates, and an event without arguments is told by its empty mask."""
    wanted = {(0, 6, 9): {2: 9.0}, (1, 7, 7): {3: 9.0}}
    long = replace(DOCUMENTS[0], events=(Event(4, 5, "life.die", (Argument(6, 10, "victim"),)),))
    of = made((long, DOCUMENTS[1]), ONTOLOGY)
    spans = {}
    for protocol in ("clean", "official"):
        module = certain(extractor(of=of, protocol=protocol, layout=Layout(longest=6)), wanted)
        spans[protocol] = module.predict(batch(of=of)).span.tolist()
    assert spans == {"clean": [[7, 7]], "official": [[6, 9]]}  # over a comma; and the second event is closed
    asked = batch()
    module = scaled(extractor())
    before = module.predict(asked)
    blind = module.predict(asked | {"argument": torch.full((2, 0, 3), -1)})
    assert before.span.tolist() == blind.span.tolist() and len(before)


def test_a_true_span_that_is_too_long_is_never_predicted():
    wanted = {(0, 5, 9): {2: 9.0}}
    of = made([replace(DOCUMENTS[0], events=(Event(4, 5, "life.die", (Argument(5, 10, "victim"),)),))], ONTOLOGY)
    module = certain(extractor(of=of, protocol="official", layout=Layout(longest=4)), wanted)
    assert not len(module.predict(batch((0,), of)))


def test_the_loss_is_that_of_the_definition():
    module = scaled(extractor(), 4.0)
    losses = module.losses(batch())
    rows = module.rows.of(batch())
    given = [{(1, 1): [1], (9, 10): [2, 1]}, {}]
    spans, target, of = [], [], []
    for n, (row, gold) in enumerate(zip(rows, given, strict=True)):
        every = [s for s in map(tuple, row.candidates.tolist()) if s not in gold]
        for span, labels in [*gold.items(), *((s, [0]) for s in every)]:
            for label in labels:
                spans.append(span)
                target.append(label)
                of.append(n)
    h, a, tokens = module._encoded(rows, [np.array(spans)[np.array(of) == n] for n in range(2)])
    every_label = torch.arange(4)[None].repeat(2, 1)
    closed = torch.tensor([[False, False, False, True], [False, True, True, False]])
    logits = module.head(h, a, tokens, every_label).masked_fill(closed[tokens.of], -1e4)
    torch.testing.assert_close(losses["roles"], focal(logits, torch.tensor(target)))
    start, end = (torch.zeros(2, tokens.ids.shape[1], dtype=torch.long) for _ in range(2))
    start[0, [1, 9]], end[0, [1, 10]] = 1, 1
    want = 0.0
    for x, y in zip(module.head.boundaries(h), (start, end), strict=True):
        log = torch.log_softmax(x, -1).gather(2, y[..., None])[..., 0]
        weight = torch.where(y > 0, 10.0, 1.0) * tokens.mask
        want = want - (weight * log).sum() / weight.sum()
    torch.testing.assert_close(losses["boundaries"], want)
    torch.testing.assert_close(losses["total"], losses["roles"] + 0.05 * want)
    plain = extractor(boundaries=0.0)
    assert set(plain.losses(batch())) == {"roles", "total"} and not hasattr(plain.head, "start_classifier")


def test_a_row_does_not_see_its_neighbors_nor_padding():
    module = scaled(extractor(), 4.0)
    alone, both = (module.encode(batch(index)) for index in ((1,), (0, 1)))
    torch.testing.assert_close(both.tokens[1, : alone.tokens.shape[1]], alone.tokens[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(both.pooled[1], alone.pooled[0], atol=1e-5, rtol=1e-4)
    assert both.mask.tolist() == batch()["mask"].tolist()


@pytest.mark.parametrize("over", ["merged", "separate"])
@pytest.mark.parametrize("order", ["code", "paper"])
def test_every_part_learns(order, over):
    module = extractor(layout=Layout(order, longest=3), pooling=Pooling(over=over)).train()
    module.losses(batch())["total"].backward()
    still = {n for n, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum()}
    assert still <= {"encoder.model.embeddings.token_type_embeddings.weight"}


def test_a_fused_layer_is_a_layer(tmp_path):
    """All layers but the last run fused; states and the last map are those of the library."""
    for kind in ("bert", "roberta"):
        torch.manual_seed(0)
        encoder = Encoder(EncoderConfig(str(bert(tmp_path / kind, kind))), corpus().spec).double().eval()
        scaled(encoder, 4.0)
        ids = torch.randint(6, 60, (2, 11))
        ids[1, 7:] = encoder.words.pad
        length = torch.tensor([11, 7])
        mask = torch.arange(11) < length[:, None]
        h, a = encoder(ids, length)
        out = encoder.model(input_ids=ids, attention_mask=mask.long(), output_attentions=True)
        torch.testing.assert_close(h[mask], out.last_hidden_state[mask], atol=1e-10, rtol=1e-8)
        torch.testing.assert_close(a[mask], out.attentions[-1].mean(1)[mask], atol=1e-10, rtol=1e-8)
        assert not a[1, :, 7:].any()
        encoder.kind = "other"  # any other encoder of the library gives its maps by name
        again = encoder(ids, length)
        torch.testing.assert_close(again[0][mask], h[mask])


def test_official_names(tmp_path):
    """The tensors of an official checkpoint, BERT with its pooler, are all there and all used."""
    folder = bert(tmp_path / "bert")
    config = replace(Config.rams().extract, encoder=EncoderConfig(str(folder), markers="official"))
    module = Extractor(config, corpus().spec)
    own = module.state_dict()
    names = {n for n in own if not n.startswith("encoder.words.")}
    official = {n.replace("encoder.model.", "bert.").replace("head.", ""): own[n] for n in names}
    assert {n.split(".")[0] for n in official} == {
        "bert", "transform_start", "transform_end", "transform_span", "len_embedding", "classifier",
        "start_classifier", "end_classifier", "begin_extractor", "end_extractor", "context_extractor",
    }  # fmt: skip
    official |= {"event_embedding.weight": torch.zeros(2, 200), "bert.embeddings.position_ids": torch.zeros(1, 64),
                 "bert.pooler.dense.weight": torch.zeros(16, 16)}  # fmt: skip
    made_ = Extractor.official_state_dict(official)
    assert set(made_) == names
    missing = module.load_state_dict(made_, strict=False).missing_keys
    assert missing == ["encoder.words.known"]
    roberta = {n.replace("bert.", "roberta.", 1): v for n, v in official.items()}
    assert set(Extractor.official_state_dict(roberta)) == names


def test_trained_stages_hand_on_what_they_learned():
    first = pretrainer()
    module = Extractor(replace(extractor().config), corpus().spec)
    module.inherit({"pretrain": first})
    before = {n: v.clone() for n, v in module.encoder.state_dict().items()}
    module.calibrate([])  # it has its words already
    assert all(torch.equal(v, first.encoder.state_dict()[n]) for n, v in before.items())
    assert module.rates() == {"encoder.": 0.3}
    again = Extractor(module.config, corpus().spec)
    again.load_state_dict(module.state_dict())
    one, other = (m.eval().losses(batch())["total"] for m in (module, again))
    assert torch.equal(one, other)


def test_masked_tokens():
    torch.manual_seed(0)
    ids = torch.arange(5, 45).repeat(50, 1)
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[:, 35:] = False
    seen, chosen = masked(ids, mask, 0.15, 4, (5, 64))
    assert not chosen[:, 0].any() and not chosen[:, 34:].any() and torch.equal(seen[~chosen], ids[~chosen])
    assert 0.12 < chosen[:, 1:34].float().mean() < 0.18
    hidden, same = (seen[chosen] == 4).float().mean(), (seen[chosen] == ids[chosen]).float().mean()
    assert 0.72 < hidden < 0.88 and 0.05 < same < 0.17
    assert masked(ids[:1, :3], mask[:1, :3], 0.0, 4, (5, 64))[1].sum() == 1  # never nothing to guess


def test_pretraining_learns_and_encodes():
    module = pretrainer()
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    first = last = 0.0
    for step in range(60):
        torch.manual_seed(step % 3)
        loss = module.losses(batch())["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = first or loss.item(), loss.item()
    assert last < first / 4
    assert module.encode(batch()).pooled.shape == (2, 16)


def test_small_learns_what_a_word_tells():
    """Who stands behind `by` is the killer, who behind `of` the victim: a few steps suffice."""
    rng = np.random.default_rng(0)
    documents, roles = [], ("killer", "victim")
    for n in range(48):
        a, b = map(str, rng.choice(["ann", "bob", "cid", "dan", "eve"], 2, replace=False))
        words = ["shot", "by", a, "of", b] if n % 2 else ["of", b, "shot", "by", a]
        spans = [(words.index(name), words.index(name) + 1) for name in (a, b)]
        told = tuple(Argument(*span, role) for span, role in zip(spans, roles, strict=True))
        shot = words.index("shot")
        documents.append(Document(f"d{n}", (tuple(words),), (Event(shot, shot + 1, "life.die", told),)))
    of = made(documents, Ontology({"life.die": dict.fromkeys(roles, 1)}))
    encoder = replace(FRESH, width=32, dropout=0.0)
    module = extractor(of=of, encoder=encoder, layout=Layout(longest=2), boundaries=0.0).train()
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    for step in range(80):
        loss = module.losses(of.batch((np.arange(24) + 24 * step) % 48, np.zeros(24, np.int64)))["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = module.eval().predict(of.batch(np.arange(48), np.zeros(48, np.int64)))
    true = of.told()
    rows = [{tuple(r) for r in np.column_stack([a.document, a.span, a.role]).tolist()} for a in (found, true)]
    assert len(rows[0] & rows[1]) > 0.9 * max(map(len, rows))


def test_data_without_roles():
    with pytest.raises(InputError, match="the data has no roles of events"):
        Extractor(extractor().config, Spec(classes=("a",)))


@pytest.mark.parametrize(
    ("kind", "setting"),
    [(Layout, {"longest": 0}), (Layout, {"length": 3}), (Pooling, {"epsilon": -1.0}), (PretrainConfig, {"share": 1.5}),
     (ExtractConfig, {"boundaries": -0.1}), (ExtractConfig, {"alpha": -1.0}), (ExtractConfig, {"encoder_rate": -1.0})]
)  # fmt: skip
def test_settings_out_of_range(kind, setting):
    """They are refused before anything is trained."""
    (name, value) = next(iter(setting.items()))
    with pytest.raises(InputError, match=f"{name} is {value}"):
        kind(**setting)


def test_official_settings():
    config, other = Config.rams().extract, Config.wikievents().extract
    assert config.layout == Layout("code", True, 8, (",", ".", "!", "?", ":"), 1024) and config.boundaries == 0.05
    assert (config.alpha, config.gamma, config.boundary_weight, config.pooling.epsilon) == (10, 2, 10, 1e-5)
    assert "." not in other.layout.excluded and other.boundaries == 0.1
    assert [c.recipe.batch * c.recipe.accumulate for c in (config, other)] == [8, 8]
    assert (config.recipe.lr * config.encoder_rate, config.recipe.lr) == (pytest.approx(3e-5), 1e-4)
    assert (config.recipe.warmup, other.recipe.warmup) == (0.2, 0.05), "shares, for data of any size"
    assert Config.small().pretrain.encoder == Config.small().extract.encoder
