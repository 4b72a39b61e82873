"""The stage of CAR: losses, captions, what negatives may and may not change, predictions, bad input."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from acteme.engine.adapt import View
from acteme.engine.slide import Slide, slide
from acteme.errors import InputError
from acteme.nn.text import Text
from acteme.recordings.annotations import Segment
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.skeleton import descriptors
from acteme.recordings.skeleton.readers.tmr import tmr
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.recordings.worlds.sequences import sequences
from acteme.systems.describe import car
from acteme.systems.describe.car import AlignConfig, Retriever, align
from acteme.systems.describe.car.networks import Network
from acteme.systems.describe.car.texts import Caption, WordTable, bag, captions, coded, decoded, reordered
from tests.systems.describe.car_cases import official_state

SMPL = Spec("smpl22", 22, 1, 3, ("motion",), 20.0)
NETWORK = Network(width=16, hidden=32, layers=1, heads=2, dropout=0.0)
TINY = replace(AlignConfig.small(), words=16, network=NETWORK)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return sequences(train=12, test=4, fps=10.0)


@pytest.fixture
def batch(corpus):
    return corpus.cut(TINY.windows, np.arange(8), np.zeros(8, int))


def made(config: AlignConfig, corpus: Corpus) -> Retriever:
    torch.manual_seed(0)
    module = Retriever(config, corpus.spec)
    module.calibrate([corpus.cut(config.windows, np.arange(len(corpus)), np.zeros(len(corpus), int))])
    return module


def told(*rows: tuple[Segment, ...], seconds: float = 3.0, fps: float = 10.0) -> Corpus:
    """Recordings of nothing in particular, with captions."""
    rng = np.random.default_rng(0)
    recordings = [
        Recording(f"r{i}", fps, {"skeleton": rng.normal(size=(int(seconds * fps), 1, 15, 3)).cumsum(0)}, segments=row)
        for i, row in enumerate(rows)
    ]
    return Corpus.of(recordings, Spec("mocap15", 15, 1, 3, ("motion",), fps))


def said(text: str, start: float = 0.0, end: float = 3.0, events: tuple[str, ...] = ()) -> Segment:
    return Segment(start, end, "motion", text=text, events=events)


# --- against the official modules -------------------------------------------------------------------------------------


def test_the_whole_loss_gives_the_reference_numbers(distilbert, monkeypatch):
    monkeypatch.setattr(align, "sample", lambda mean, log: mean)
    module = Retriever(AlignConfig(text=Text(distilbert), judge=""), SMPL).eval()
    module.load_state_dict(Retriever.official_state_dict(official_state()))
    n, t, c = torch.arange(2.0).view(2, 1, 1), torch.arange(12.0).view(1, -1, 1), torch.arange(768.0)
    e = torch.sin(0.2 * t + 0.05 * c + 1.3 * n)
    tokens = torch.cat([e, torch.cos(3 * e[:1])])
    x = torch.sin(0.1 * torch.arange(224.0).view(1, -1, 1) + 0.3 * torch.arange(263.0) + 0.7 * n)
    lengths = torch.tensor([40, 224])
    mask = torch.arange(224) < lengths[:, None]
    x = x * mask[..., None]
    texts = module.text_encoder(tokens, torch.arange(12) < torch.tensor([9, 12, 10])[:, None])[:2]
    found = module.weigh(x, mask, texts, torch.zeros(2, 2, dtype=torch.bool))
    wanted = {"recons": 0.5101094, "kl": 4.0336313, "latent": 0.3962325, "contrast": 0.9745342, "total": 0.6076071}
    assert {n: v.item() for n, v in found.items()} == pytest.approx(wanted, abs=3e-6)
    shorter = module.weigh(x[:1, :40], mask[:1, :40], (texts[0][:1], texts[1][:1]), torch.zeros(1, 1).bool())
    longer = module.weigh(x[:1], mask[:1], (texts[0][:1], texts[1][:1]), torch.zeros(1, 1).bool())
    assert shorter["recons"].item() == pytest.approx(longer["recons"].item(), rel=1e-5), "padding is not even made"


def test_official_names(distilbert):
    state = official_state() | {"text_model.text_model.embeddings.word_embeddings.weight": torch.ones(2, 2)}
    state |= {"mean": torch.arange(263.0), "std": torch.full((263,), 2.0)}
    found = Retriever.official_state_dict(state)
    assert found["mean"][5] == 5 and not any("embeddings" in name for name in found)
    assert "text.model.embeddings.word_embeddings.weight" in Retriever.official_state_dict(state, text=True)
    Retriever(AlignConfig(text=Text(distilbert), judge=""), SMPL).load_state_dict(found)
    with pytest.raises(InputError, match=r"'fc\.weight' is no weight of the official model"):
        Retriever.official_state_dict({"fc.weight": torch.ones(1)})
    with pytest.raises(InputError, match="holds no motion encoder"):
        Retriever.official_state_dict({})


# --- learning ---------------------------------------------------------------------------------------------------------


def test_losses_are_finite_weighted_and_reach_every_weight(corpus, batch):
    module = made(TINY, corpus).train()
    found = module.losses(batch)
    assert set(found) == {"total", "recons", "kl", "latent", "contrast"}
    w = TINY.weights
    parts = sum(getattr(w, name) * found[name] for name in ("recons", "kl", "latent", "contrast"))
    torch.testing.assert_close(found["total"], parts)
    found["total"].backward()
    dead = [n for n, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    assert not dead


def test_shuffled_texts_are_seen_by_the_contrast_alone(corpus):
    module = made(TINY, corpus)
    events = ("a person walks", "a person jumps")
    one = [Caption("x", events), Caption("y", events[::-1])]
    x, mask = torch.randn(2, 7, module.mean.numel()), torch.ones(2, 7, dtype=torch.bool)
    texts = [" ".join(c.events) for c in one] + ["a person spins a person kicks"]
    means, logs = module.distributions(texts)
    torch.manual_seed(1)
    found = module.weigh(x, mask, (means, logs), torch.zeros(2, 2).bool())
    kept = torch.autograd.grad(found["recons"] + found["kl"] + found["latent"], [means, logs], retain_graph=True)
    assert not kept[0][2].any() and not kept[1][2].any() and kept[0][:2].any()
    assert torch.autograd.grad(found["contrast"], means)[0][2].any()


@pytest.mark.parametrize(("negatives", "more"), [("events", 8), ("words", 8), ("none", 0)])
def test_every_compound_caption_gives_one_negative(corpus, batch, negatives, more, monkeypatch):
    module, seen = made(replace(TINY, negatives=negatives), corpus), []
    plain = module.distributions
    monkeypatch.setattr(module, "distributions", lambda texts: seen.append(list(texts)) or plain(texts))
    module.losses(batch)
    own, other = seen[0][:8], seen[0][8:]
    assert len(other) == more
    for a, b in zip(own, other, strict=False):
        assert a != b and sorted(a.split()) == sorted(b.split())
    if negatives == "events":
        assert all(b.startswith("a person ") for b in other), "clauses stay whole"


def test_captions_are_drawn_by_length_and_place():
    rows = told(
        (said("walks"), said("too short", 0.0, 0.5), said("beyond", 5.0, 8.0), said("late", 1.0, 3.0)),
        (said("too long", 0.0, 30.0),),
    )
    config = replace(TINY, negatives="none", shortest=1.0, longest=10.0)
    module = made(config, rows)
    batch = rows.cut(config.windows, np.arange(2), np.zeros(2, int))
    assert module.fit(batch).tolist() == [[True, False, False, True], [False] * 4]
    draws = [[v.tolist() for v in module.choose(batch)] for _ in range(40)]
    assert all(row == [0] for row, _ in draws) and {q[0] for _, q in draws} == {0, 3}
    alone = rows.cut(config.windows, np.array([1]), np.zeros(1, int))
    total = module.losses(alone)["total"]
    total.backward()
    assert total == 0 and all(p.grad is not None for p in module.parameters() if p.requires_grad)


def test_a_stretch_is_cut_out_of_its_recording():
    rows = told((said("walks", 1.0, 2.0),))
    module = made(replace(TINY, negatives="none"), rows).eval()
    batch = rows.cut(TINY.windows, np.arange(1), np.zeros(1, int))
    whole, _ = module.motions(batch)
    part, mask = module.motions(batch, batch["span"][:, 0])
    assert mask.shape == (1, 10) and mask.all()
    torch.testing.assert_close(part, whole[:, 10:20])
    later = rows.batch(np.array([0]), np.array([5]), 20, captions=True)
    torch.testing.assert_close(module.motions(later, later["span"][:, 0])[1].sum(), torch.tensor(10))
    short = made(replace(TINY, negatives="none", frames=4), rows)
    assert short.motions(batch)[1].shape == (1, 4), "longer ones are cut from the start"


def test_frames_beyond_the_end_change_nothing(corpus):
    module = made(TINY, corpus).eval()
    batch = corpus.cut(TINY.windows, np.arange(6), np.zeros(6, int))
    noisy = dict(batch, skeleton=torch.where(batch["mask"][..., None, None, None], batch["skeleton"], 3.0))
    torch.testing.assert_close(module.encode(noisy).pooled, module.encode(batch).pooled)
    alone = corpus.batch(np.array([2]), np.array([0]))
    torch.testing.assert_close(module.encode(alone).pooled[0], module.encode(batch).pooled[2], atol=1e-5, rtol=1e-4)


def test_captions_that_mean_the_same_are_no_negatives(corpus, narrow, monkeypatch):
    module = made(TINY, corpus)
    assert module.alike(["a", "b", "a"]).tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    judged = Retriever(replace(TINY, judge=narrow, alike=0.8), corpus.spec)
    similar = judged.similar(["a man walks", "a man walks on", "42"])
    torch.testing.assert_close(similar.diagonal(), torch.ones(3))
    monkeypatch.setattr(judged, "similar", lambda texts: torch.tensor([[1.0, 0.61, 0.59]]))
    assert judged.alike(["a", "b", "c"]).tolist() == [[True, True, False]], "0.6 is the cosine that 0.8 stands for"


def test_shuffled_texts_that_describe_another_motion_can_be_spared(corpus, monkeypatch):
    """Of two captions with the same two events in both orders, each shuffled text is the other's caption."""
    a, b, c = "a person walks", "a person jumps", "a person spins"
    told = [Caption("", (a, b)), Caption("", (c,)), Caption("", (b, a))]
    seen = []
    for spare in (False, True):
        module = made(replace(TINY, spare=spare), corpus)
        monkeypatch.setattr(module, "weigh", lambda x, mask, texts, alike: seen.append(alike) or {})
        x = torch.randn(3, 7, module.mean.numel())
        module.compare(x, torch.ones(3, 7, dtype=torch.bool), told)
    eye = torch.eye(3, dtype=torch.bool)
    assert torch.equal(seen[0], eye), "as published"
    assert torch.equal(seen[1], torch.cat([eye, eye.flip(0)[[0, 2]]]))
    monkeypatch.setattr(module, "alike", lambda texts: torch.ones(len(texts), len(texts), dtype=torch.bool))
    module.compare(x, torch.ones(3, 7, dtype=torch.bool), told)
    assert seen[2][3:].tolist() == [[False, True, True], [True, True, False]], "one's own is always a negative"


def test_the_defaults_are_the_published_ones():
    config = AlignConfig()
    recipe, weights, network = config.recipe, config.weights, config.network
    assert (recipe.optimizer, recipe.lr, recipe.weight_decay, recipe.epochs, recipe.batch) == (
        "adamw", 1e-4, 0.01, 200, 32)  # fmt: skip
    assert recipe.drop_last and recipe.schedule == "constant"
    assert (config.shortest, config.longest, config.frames) == (2.0, 10.0, 224)
    assert (config.temperature, config.alike, config.spare) == (0.1, 0.8, False)
    assert (weights.recons, weights.kl, weights.latent, weights.contrast) == (1.0, 1e-5, 1e-5, 0.1)
    assert (network.width, network.hidden, network.layers, network.heads, network.dropout) == (256, 1024, 6, 4, 0.1)
    assert (config.text.name, config.text.trained, config.text_rate * recipe.lr) == (
        "distilbert", False, pytest.approx(1e-5))  # fmt: skip


def test_calibration_standardizes_frames_that_exist(corpus):
    module = made(TINY, corpus)
    batch = corpus.cut(TINY.windows, np.arange(len(corpus)), np.zeros(len(corpus), int))
    x = module.features(batch)[batch["mask"]]
    moving = x.std(0) > 1e-3
    torch.testing.assert_close(x.mean(0)[moving], torch.zeros(int(moving.sum())), atol=1e-3, rtol=0)
    torch.testing.assert_close(x.std(0)[moving], torch.ones(int(moving.sum())), atol=1e-2, rtol=0)
    assert torch.isfinite(x).all()


def test_a_frozen_encoder_is_nobodys_state_and_a_trained_one_learns(corpus, batch, narrow):
    frozen = made(replace(TINY, words=0, text=Text(narrow)), corpus)
    assert not any(name.startswith("text.") for name in frozen.state_dict())
    trained = made(replace(TINY, words=0, text=Text(narrow, trained=True)), corpus).train()
    trained.losses(batch)["total"].backward()
    assert any(p.grad is not None and p.grad.any() for p in trained.text.parameters())
    assert trained.rates() == {"text.": 0.1}
    assert torch.isfinite(frozen.train().losses(batch)["total"])


# --- texts ------------------------------------------------------------------------------------------------------------


def test_captions_come_with_their_events(corpus, batch):
    rows = captions(batch)
    for i, row in enumerate(rows):
        (segment,) = corpus[i].segments
        assert row == [Caption(segment.text, segment.events)]
    plain = told((said("a man waves, then sits down."), said("spins", events=("a", "b"))))
    (row,) = captions(plain.cut(TINY.windows, np.arange(1), np.zeros(1, int)))
    assert row[0].events == ("a man waves", "a man sits down") and row[1].events == ("a", "b")


def test_negatives_follow_from_the_generator_and_need_another_order():
    caption = Caption("x", ("a b", "c d", "e f"))
    torch.manual_seed(3)
    one = [reordered(caption, False) for _ in range(5)]
    torch.manual_seed(3)
    assert [reordered(caption, False) for _ in range(5)] == one
    assert reordered(Caption("x", ("same", "same")), False) is None and reordered(Caption("x", ("one",)), False) is None
    assert reordered(Caption("x", ("a", "a")), True) is None
    assert reordered(Caption("x", ("walk", "walk walk")), False) is None, "both orders read alike"


def test_a_bag_of_words_ties_exactly(corpus):
    texts = ["a person jumps a person walks on", "a person walks on a person jumps", "a person spins"]
    module = made(replace(TINY, bag=True), corpus).eval()
    found = module.encode_texts(texts)
    assert torch.equal(found[0], found[1]) and not torch.allclose(found[0], found[2])
    ordered = made(TINY, corpus).eval().encode_texts(texts)
    assert not torch.allclose(ordered[0], ordered[1]) and bag("B, a b") == "a b b"


def test_what_is_read_of_a_caption(corpus):
    events, caption = made(TINY, corpus), made(replace(TINY, reads="caption"), corpus)
    text = "A man waves before sitting."
    assert events.phrase(text) == "a man waves a man sits" and caption.phrase(text) == text
    assert events.phrase(text, ("x", "y")) == "x y"


def test_words_of_a_table_and_texts_without_any():
    table = WordTable(4)
    states, mask = table.states(["Walks, walks!", "walks"])
    assert mask.tolist() == [[True, True], [True, False]]
    torch.testing.assert_close(states[0, 0], states[1, 0])
    with pytest.raises(InputError, match="text '…': has no words"):
        table.states(["walks", "…"])


def test_texts_as_bytes():
    texts = ["é", "", "a\nb"]
    assert decoded(coded(texts)) == texts and coded([]).shape[0] == 0


# --- answering --------------------------------------------------------------------------------------------------------


def test_predictions_are_training_captions_by_falling_similarity(corpus, batch):
    module = made(TINY, corpus).eval()
    found = module.predict(batch)
    known = {module.phrase(c.text, c.events) for row in captions(batch) for c in row}
    assert all(len(row) == len(set(row)) == 5 for row in found.texts)
    assert (found.scores.diff(dim=1) <= 0).all() and known <= set(decoded(module.captions))
    other = Retriever(TINY, corpus.spec)
    other.load_state_dict(module.state_dict())
    assert other.eval().predict(batch).texts == found.texts, "a stage is complete by its state"
    fresh = Retriever(TINY, corpus.spec).eval()
    with pytest.raises(InputError, match="knows no captions"):
        fresh.predict(batch)


def test_answers_follow_the_weights(corpus, batch):
    module = made(TINY, corpus).eval()
    before = module.predict(batch).scores
    with torch.no_grad():
        for p in module.train().text_encoder.parameters():
            p.add_(0.5 * torch.randn_like(p))
    assert not torch.allclose(module.eval().predict(batch).scores, before)


def test_layouts_with_published_vectors_take_them(narrow):
    config = replace(TINY, features="auto")
    for name, joints, wanted in (("smpl22", 22, 263), ("kit21", 21, 251), ("ntu25", 25, 150)):
        module = Retriever(config, Spec(name, joints, 1, 3))
        assert module.mean.shape == (wanted,)
        batch = {"skeleton": torch.randn(2, 5, 1, joints, 3), "frames": torch.tensor([5, 1]),
                 "fps": torch.full((2,), 20.0), "start": torch.zeros(2, dtype=torch.long)}  # fmt: skip
        assert torch.isfinite(module.encode(batch).pooled).all()
    assert Retriever(replace(config, features="relative"), Spec("smpl22", 22, 1, 3)).mean.shape == (132,)
    assert descriptors.width("coco17", 2, 2, False) == 2 * 2 * 17 * 2


def folder_of_vectors(path: Path, joints: int, fps: float) -> np.ndarray:
    """A TMR folder of one motion of 300 frames, of which captions tell 3 to 11 seconds; its vectors."""
    rows = np.random.default_rng(0).normal(size=(300, 12 * joints - 1)).astype(np.float32)
    (path / "motions/guoh3dfeats").mkdir(parents=True)
    np.save(path / "motions/guoh3dfeats/m.npy", rows)
    told = [{"text": "walks", "start": 3.0, "end": 9.35}, {"text": "waves", "start": 4.15, "end": 11.0}]
    (path / "annotations.json").write_text(json.dumps({"a": {"path": "m", "annotations": told}}))
    (path / "splits").mkdir()
    (path / "splits/train.txt").write_text("a\n")
    return rows


@pytest.mark.parametrize(("layout", "fps"), [("smpl22", 20.0), ("kit21", 12.5)])
def test_stored_vectors_are_seen_as_they_are(tmp_path, layout, fps):
    """The rows that official weights see: int(start fps) to int(end fps) of the file, of whatever window."""
    rows = folder_of_vectors(tmp_path, 22 if layout == "smpl22" else 21, fps)
    listing = tmr(tmp_path, layout=layout)
    data = Corpus.of((item.read() for item in listing.items), listing.spec)
    module = Retriever(replace(TINY, negatives="none"), data.spec).eval()
    whole = data.cut(TINY.windows, np.zeros(2, int), np.zeros(2, int))
    for q, (start, end) in enumerate(((3.0, 9.35), (4.15, 11.0))):
        first, last = int(start * fps), int(end * fps)
        seen, mask = module.motions(whole, whole["span"][:, q])
        np.testing.assert_array_equal(seen[1], rows[first:last])
        assert mask.all()
        late = data.batch(np.array([0]), np.array([60 - int(3 * fps)]), 100, captions=True)  # frames 60 to 160
        seen, mask = module.motions(late, late["span"][:, q])
        np.testing.assert_array_equal(seen[0], rows[max(first, 60) : min(last, 160)])
    ((slid, _),) = slide([View(data[0], data.spec, data.spec)], Slide(Windows(frames=40, stride=40), 1.0, overlap=0.0))
    np.testing.assert_array_equal(module.features(slid)[1], rows[int(3 * fps) + 40 :][:40])
    relative = Retriever(replace(TINY, features="relative"), data.spec)
    assert relative.features(whole).shape[-1] == relative.mean.numel() != rows.shape[1]


def test_vectors_of_positions_are_computed(tmp_path):
    folder_of_vectors(tmp_path, 22, 20.0)
    data = Corpus.of((item.read() for item in tmr(tmp_path).items), SMPL)
    module = Retriever(replace(TINY, negatives="none"), SMPL).eval()
    batch = data.cut(TINY.windows, np.zeros(1, int), np.zeros(1, int))
    stored = batch.pop("vector")
    found = module.features(batch)
    torch.testing.assert_close(found, descriptors.guo(batch["skeleton"][:, :, 0], batch["frames"], "smpl22"))
    assert not torch.allclose(found, stored, atol=0.1)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([()], {}, "no recording has a caption"),
        ([(said("walks"),)], {}, "no caption tells of two events.*align.negatives=none"),
        ([(said("walks", 0.0, 1.0),)], {"shortest": 2.0}, "no caption lasts 2 to 60 seconds"),
    ],
)
def test_data_that_teaches_nothing(rows, changes, message):
    with pytest.raises(InputError, match=message):
        made(replace(TINY, **changes), told(*rows))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": "published"}, "no motion vectors are published for layout 'mocap15'"),
        ({"temperature": 0.0}, "temperature or alike is out of its range"),
        ({"shortest": 5.0, "longest": 1.0}, "no motion can be seen"),
        ({"windows": replace(TINY.windows, captions=False)}, "windows come without captions"),
    ],
)
def test_settings_that_cannot_be(corpus, changes, message):
    with pytest.raises(InputError, match=message):
        Retriever(replace(TINY, **changes), corpus.spec)


def test_a_text_that_is_too_long_and_no_skeleton(corpus, narrow):
    module = Retriever(replace(TINY, words=0, text=Text(narrow)), corpus.spec)
    with pytest.raises(InputError, match=r"a text of .* tokens"):
        module.encode_texts(["walk " * 400])
    with pytest.raises(InputError, match="names no skeleton layout"):
        Retriever(TINY, Spec())
    with pytest.raises(InputError, match="there is no text"):
        module.encode_texts([])


def test_the_small_setting_is_smaller_and_learns(corpus, monkeypatch):
    monkeypatch.setattr(align, "sample", lambda mean, log: mean)  # noise that takes long to learn away
    assert car.Config.small().align.network.width < car.Config().align.network.width
    module = made(replace(TINY, weights=replace(TINY.weights, recons=0.0)), corpus).train()
    assert module.decoder is None
    batch = corpus.cut(TINY.windows, np.arange(12), np.zeros(12, int))
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    first = None
    for _ in range(60):
        optimizer.zero_grad()
        loss = module.losses(batch)["contrast"]
        first = first or loss.item()
        loss.backward()
        optimizer.step()
    assert loss.item() < first / 3
