"""Phase 1: who sees whom, and what is drawn."""

from dataclasses import replace

import numpy as np
import torch

from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.systems.recommend.ilm.align import Aligner, earlier
from acteme.systems.recommend.ilm.factors import seen_pairs
from acteme.systems.recommend.ilm.qformer import QFormer
from acteme.systems.recommend.ilm.tell import HELD, NEW, TAUGHT, TOLD
from tests.systems.recommend.ilm.cases import QFORMER, WINDOWS, aligner, batch, corpus


def test_texts_and_queries_see_what_they_may():
    torch.manual_seed(0)
    net = QFormer(QFORMER, 6, 30).eval()
    for weight in net.parameters():
        weight.data.normal_(std=0.3)
    vector, ids = torch.randn(2, 6), torch.randint(1, 30, (2, 7))
    mask = torch.ones(2, 7, dtype=torch.bool)
    other, late = ids.clone(), ids.clone()
    other[:, 3], late[:, 5] = (ids[:, 3] % 28) + 1, (ids[:, 5] % 28) + 1
    found = net.encode(net.sources(vector))
    told = torch.ones(2, dtype=torch.bool)
    a, b = (net.read(x, mask, found.past, told) for x in (ids, late))
    torch.testing.assert_close(a[:, :5], b[:, :5])  # generation is causal
    assert (a[:, 5:] - b[:, 5:]).abs().amax() > 1e-3
    moved = net.encode(net.sources(vector + 1))
    assert (net.read(ids, mask, moved.past, told) - a).abs().amax(-1).amin() > 1e-4, "and sees the item"
    alone = net.read(ids, mask)
    torch.testing.assert_close(alone, net.read(ids, mask, found.past, ~told))  # contrast: a text by itself
    assert (net.read(late, mask)[:, 0] - alone[:, 0]).abs().amax() > 1e-4, "all of it"
    z, y = (net.match(net.sources(vector), x, mask) for x in (ids, other))
    assert (z - y).abs().amax() > 1e-4, "matching: queries see the text"
    assert (z - found.z).abs().amax() > 1e-3


def test_padding_is_not_seen():
    torch.manual_seed(0)
    net = QFormer(QFORMER, 6, 30).eval()
    ids = torch.randint(1, 30, (2, 5))
    mask = torch.ones(2, 5, dtype=torch.bool)
    more, longer = torch.nn.functional.pad(ids, (0, 3), value=9), torch.nn.functional.pad(mask, (0, 3))
    found = net.encode(net.sources(torch.randn(2, 6)))
    torch.testing.assert_close(net.read(ids, mask), net.read(more, longer)[:, :5])
    told = torch.tensor([True, False])
    torch.testing.assert_close(net.read(ids, mask, found.past, told), net.read(more, longer, found.past, told)[:, :5])
    sources = net.sources(torch.randn(2, 6))
    torch.testing.assert_close(net.match(sources, ids, mask), net.match(sources, more, longer))


def test_one_token_of_the_item_is_a_linear_map():
    torch.manual_seed(0)
    for tokens in (1, 3):
        net = QFormer(replace(QFORMER, tokens=tokens), 6).eval()
        cross = net.blocks[0].cross
        x, sources = torch.randn(2, 4, 16), net.sources(torch.randn(2, 6) * 20)
        kept = cross.norm
        cross.norm = torch.nn.Identity()
        added = cross(x, sources) - x
        cross.norm = kept
        alike = torch.allclose(added, added[:, :1].expand_as(added), atol=1e-5)
        assert alike == (tokens == 1), "a softmax over one key is 1"


def test_queries_begin_as_the_text_does_and_cross_attention_is_in_every_second_block():
    net = aligner().qformer
    assert [block.cross is not None for block in net.blocks] == [True, False, True]
    for block in net.blocks:
        torch.testing.assert_close(block.own.up.weight, block.text.up.weight)


def test_only_texts_of_the_catalogue_are_read_in_training():
    made = aligner()
    roles = {role: made.told.of(role) for role in (TAUGHT, TOLD, HELD, NEW)}
    assert {role: len(some) for role, some in roles.items()} == {TAUGHT: 6, TOLD: 9, HELD: 3, NEW: 6}
    item, texts = made.draw(500, torch.device("cpu"))
    assert set(item.tolist()) == {*roles[TAUGHT], *roles[TOLD]}
    assert len(set(texts)) > len(set(item.tolist())), "one of several texts, at random"
    for kind, sides in (("items", (0, 1)), ("users", (1,))):
        seen = aligner(pairs=kind).pairs(batch())
        hidden = made.factors.items(torch.tensor(roles[HELD] + roles[NEW]))
        assert all(torch.cdist(seen[side], hidden).min() > 1e-4 for side in sides), "pairs, too, are of these alone"


def test_items_that_someone_had_in_turn_are_no_negatives():
    made = aligner()
    item = corpus().select("train")[0].arrays["item"]
    a, b = torch.tensor([int(item[0])]), torch.tensor([int(item[1]), int(item[0]), 1 + int(item[0]) % 24])
    assert made.apart(a, b).tolist() == [[False, False, True]]
    assert made.apart(b[:1], a).tolist() == [[False]], "either way"


def test_equal_texts_are_no_negatives():
    made = aligner()
    assert made.told.alike[1] == made.told.alike[9] != made.told.alike[2]
    item = torch.tensor([1, 9])
    ids, mask = made.tokens([made.told.text(1), made.told.text(9)])
    found = made.qformer.encode(made.qformer.sources(made.factors.items(item)))
    out = made.item_text(item, ids, mask, found.z, found.past)
    assert out["itc"] == 0 and out["itm"].item() > 0, "only the matched pairs are left"


def test_users_are_compared_without_what_they_come_to():
    made = aligner(pairs="users", liked=4.0)
    some = batch()
    liked = some["outcome"].gather(1, (some["frames"] - 1)[:, None])[:, 0] >= 4
    target = some["item"].gather(1, (some["frames"] - 1)[:, None])[:, 0]
    open_ = torch.tensor([made.told.role[k] in (TAUGHT, TOLD) for k in target])
    vectors, items, allowed = made.pairs(some)
    assert len(vectors) == int((liked & open_).sum())
    torch.testing.assert_close(items, made.factors.items(target[liked & open_]))
    history = earlier(some)
    assert not (history["item"] == target[:, None])[:, -1].any() and (history["frames"] == some["frames"] - 1).all()
    assert not allowed.diagonal().any() and allowed.any()


def test_all_losses_reach_the_encoder():
    for kind, name in (("items", "ii"), ("users", "ui"), ("none", "itc")):
        made = aligner(pairs=kind).train()
        out = made.losses(batch())
        parts = {n: v for n, v in out.items() if n not in ("total", "itm_right")}
        assert set(parts) == {"itc", "itm", "itg", name}
        torch.testing.assert_close(out["total"], sum(parts.values()))
        for part in parts.values():
            made.zero_grad()
            part.backward(retain_graph=True)
            assert made.qformer.queries.grad.abs().sum() > 0 and made.qformer.source.weight.grad.abs().sum() > 0


def test_a_step_of_phase_1_learns_and_is_kept_by_its_state():
    made = aligner()
    optimizer = torch.optim.Adam(made.parameters(), 3e-3)
    torch.manual_seed(1)
    first = [made.losses(batch())["total"].item() for _ in range(3)]
    for _ in range(25):
        optimizer.zero_grad()
        made.losses(batch())["total"].backward()
        optimizer.step()
        made.after_step()
    assert made.losses(batch())["total"].item() < min(first) - 1
    other = Aligner(made.config, made.spec)
    other.load_state_dict(made.state_dict())
    made.eval(), other.eval()
    for build in (made, other):
        torch.manual_seed(5)
        build.found = build.losses(batch())["itc"].item()
    assert made.found == other.found, "texts and words are part of the state"
    torch.testing.assert_close(made.encode(batch()).pooled, other.encode(batch()).pooled)
    assert made.predict(batch()).table.shape == (24, 8)


def test_vectors_are_of_all_events_not_of_those_that_windows_show():
    whole = aligner()
    cut = aligner(windows=replace(WINDOWS, most=1, frames=2))
    torch.testing.assert_close(whole.factors.table, cut.factors.table)
    user, item, value = seen_pairs(corpus().select("train"), 25)
    told = [(n, int(k)) for n, one in enumerate(corpus().select("train")) for k in one.arrays["item"]]
    assert sorted(zip(user.tolist(), item.tolist(), strict=True)) == sorted(told) and value.amin() >= 3


def test_the_latest_rating_of_a_pair_counts():
    item, rating = np.array([2, 1, 2], np.int32), np.array([5, 3, 1], np.float32)
    log = Corpus.of([Recording("u", 1.0, {"item": item, "outcome": rating})], corpus().spec)
    user, item, value = seen_pairs(log, 25)
    assert (user.tolist(), item.tolist(), value.tolist()) == ([0, 0], [1, 2], [3, 1])
