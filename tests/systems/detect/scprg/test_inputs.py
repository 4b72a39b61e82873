"""Rows, candidates and windows."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.documents.document import Argument, Document, Event, Ontology
from acteme.recordings.documents.readers import made
from acteme.systems.detect.scprg import Encoder, EncoderConfig, Layout
from acteme.systems.detect.scprg.encoder import windows
from acteme.systems.detect.scprg.extract import true_spans, with_truth
from acteme.systems.detect.scprg.inputs import _around, candidates
from acteme.systems.detect.scprg.words import OWN, UNKNOWN, Words, fingerprint
from tests.systems.detect.scprg.cases import FRESH, ONTOLOGY, batch, bert, corpus, extractor


def test_a_sentence_of_n_tokens_has_8n_minus_28_candidates():
    for n in (8, 9, 30):
        assert len(candidates(np.zeros(n, int), np.zeros(n, bool), 8)) == 8 * n - 28
    assert len(candidates(np.zeros(3, int), np.zeros(3, bool), 8)) == 6


@given(st.lists(st.integers(0, 1), max_size=12), st.lists(st.booleans(), max_size=12), st.integers(1, 5))
def test_candidates_equal_the_definition(steps, banned, longest):
    n = min(len(steps), len(banned))
    sentence, out = np.cumsum(steps[:n]).astype(int), np.array(banned[:n], bool)
    expected = [[i, j] for i in range(n) for j in range(i, n)
                if j - i < longest and sentence[i] == sentence[j] and not out[i : j + 1].any()]  # fmt: skip
    assert candidates(sentence, out, longest).tolist() == expected


def read(module, ids):
    """Tokens as words, marks by their meaning."""
    words = {fingerprint(w): w for d in corpus() for w in d.text.lower().split()}
    words |= {fingerprint(w): w for w in ("life", "die", "move", "rain", "killer", "victim", "place")}
    marks, known = module.encoder.words.marks, module.encoder.words.known.tolist()
    named = {marks.trigger[0]: "<t>", marks.trigger[1]: "</t>"} | {marks.event + k: f"[E{k}]" for k in range(2)}
    named |= {marks.role + k: f"[R{k}]" for k in range(4)} | {0: "_", 2: "[CLS]", 3: "[SEP]"}
    return " ".join(named[i] if i in named else words[known[i - OWN]] for i in ids)


def test_the_order_of_the_code_and_of_the_paper():
    code = extractor().rows.of(batch())
    text = "rebels came . they <t> shot </t> the old mayor , mayor oslo it rained"
    roles = "[R1] killer [R1] [R2] victim [R2]"
    assert read(extractor(), code[0].ids) == f"[CLS] {text} [SEP] [E0] life die [E0] {roles} [R0]"
    assert read(extractor(), code[1].ids).endswith("[SEP] [E1] move rain [E1] [R3] place [R3] [R0]")
    module = extractor(layout=Layout("paper", longest=3))
    paper = module.rows.of(batch())[0]
    assert read(module, paper.ids) == f"[CLS] [E0] life die [E0] [SEP] {text} [SEP] {roles} [SEP]"
    module = extractor(layout=Layout(roles=False, longest=3))
    assert read(module, module.rows.of(batch())[0].ids) == f"[CLS] {text} [SEP] [E0] life die [E0]"
    module = extractor(layout=Layout("paper", roles=False, longest=3))
    assert read(module, module.rows.of(batch())[0].ids) == f"[CLS] [E0] life die [E0] [SEP] {text} [SEP]"
    for row in (*code, paper):
        marks = extractor().encoder.words.marks
        assert row.ids[row.trigger] == marks.trigger[0] and row.ids[row.event] in (marks.event, marks.event + 1)
        assert all(marks.role < row.ids[k] <= marks.role + 3 for k in row.role)
        assert (row.ids[row.first] >= OWN).all() and (row.word_at[row.first] == np.arange(len(row.first))).all()


def test_no_candidate_crosses_a_sentence_or_holds_a_mark_or_a_point():
    row = extractor(layout=Layout(longest=8)).rows.of(batch())[0]
    words = [list(range(row.word_at[i], row.word_at[j] + 1)) for i, j in row.candidates]
    expected = [[0], [0, 1], [1], [3], [4], [5], [5, 6], [5, 6, 7], [6], [6, 7], [7], [9], [9, 10], [10], [11]]
    assert words == [*expected, [11, 12], [12]] and row.whole.all()


@pytest.mark.parametrize(("start", "end", "spans"), [(2, 3, 1 + 3 + 10), (6, 7, 6 + 6 + 1)])
def test_a_mark_at_the_end_of_a_sentence_and_of_a_document(start, end, spans):
    of = made([Document("d", (("a", "b", "c"), ("d", "e", "f", "g")), (Event(start, end, "x"),))],
              Ontology({"x": {"a": 1}}))  # fmt: skip
    module = extractor(of=of, layout=Layout())
    (row,) = module.rows.of(batch((0,), of))
    at = [row.ids.tolist().index(mark) for mark in module.encoder.words.marks.trigger]
    assert at == [row.first[start] - 1, row.last[end - 1] + 1] and len(row.candidates) == spans
    assert not any((row.word_at[i : j + 1] < 0).any() for i, j in row.candidates)


def test_true_spans_are_there_once_for_each_role_and_not_as_null():
    module = extractor()
    row, argument = module.rows.of(batch((0,)))[0], batch((0,))["argument"][0].numpy()
    spans, label = true_spans(row, argument)
    assert label.tolist() == [1, 2, 1] and spans[1].tolist() == spans[2].tolist()
    every, target = with_truth(row.candidates, spans, label)
    assert len(every) == len(row.candidates) - 2 + 3  # both spans were candidates, one has two roles
    assert (target > 0).sum() == 3 and len({tuple(s) for s in every.tolist()}) == len(every) - 1
    outside = np.array([[-2, 1, 0], [12, 15, 1], [0, 1, -1], [-1, -1, -1]])
    assert len(true_spans(row, outside)[0]) == 0


def test_long_documents_are_cut_around_their_trigger():
    words = tuple(f"w{k}" for k in range(300))
    of = made([Document("d", (words,), (Event(250, 251, "life.die", (Argument(0, 1, "killer"),)),))], ONTOLOGY)
    module = extractor(of=of, encoder=replace(FRESH, limit=40, words=400))
    (row,) = module.rows.of(batch((0,), of))
    assert len(row.ids) <= module.rows.length == 2 * 40 - 2 and len(row.ids) > 70
    kept = np.flatnonzero(row.first >= 0)
    assert 250 in kept and abs((250 - kept[0]) - (kept[-1] - 250)) <= 1
    assert module.losses(batch((0,), of))["total"].isfinite()  # its argument was cut away
    found = module.encode(batch((0,), of))
    assert found.mask.sum() == len(kept) and not found.tokens[0, 0].any() and found.tokens[0, 250].any()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=20), st.data())
def test_words_around_a_trigger(sizes, data):
    start = data.draw(st.integers(0, len(sizes) - 1))
    room = data.draw(st.integers(sizes[start], 60))
    first, last = _around(sizes, (start, start + 1), room)
    assert first <= start < last and sum(sizes[first:last]) <= room
    if sum(sizes) > room:  # nothing more would fit on both sides
        assert sum(sizes[first:last]) > room - 8 or first == 0 or last == len(sizes)


def test_no_room_for_a_trigger():
    with pytest.raises(InputError, match="has no room beside its roles"):
        _around([3, 3], (0, 2), 5)


def test_windows_that_cut_a_trigger_away_and_types_that_nobody_names():
    cut = corpus().batch(np.array([0]), np.array([0]), 3)
    with pytest.raises(InputError, match="a trigger at words 4 to 5 of a window of 3"):
        extractor().rows.of(cut)
    strange = batch((0,)) | {"label": torch.tensor([-1])}
    with pytest.raises(InputError, match="of a type that the data does not name"):
        extractor().rows.of(strange)


def test_fresh_words_are_those_of_roles_then_the_most_frequent():
    words = Words("fresh", 12, "added", corpus().spec)
    words.learn(["b", "B", "c", "a", "a", "zzz"])
    names = ("life", "die", "move", "rain", "killer", "victim", "place")
    assert [words.pieces(name) for name in names] == [(k,) for k in range(5, 12)]
    assert words.pieces("a") == (UNKNOWN,)
    words = Words("fresh", 14, "added", corpus().spec)
    words.learn(["b", "B", "c", "a", "a", "a"])
    assert words.pieces("A") == (12,) and words.pieces("b") == (13,) and words.pieces("c") == (UNKNOWN,)
    again = Words("fresh", 14, "added", corpus().spec)
    assert again.pieces("a") == (UNKNOWN,)
    again.load_state_dict(words.state_dict())
    assert again.pieces("a") == (12,)  # what was looked up before does not stay


def test_marks_have_places_of_their_own(tmp_path):
    spec = corpus().spec
    own = Words(str(bert(tmp_path / "b")), 0, "official", spec).marks
    assert (own.trigger, own.event, own.role, own.added) == ((5, 6), 104, 400, 0)
    words = Words(str(bert(tmp_path / "r", "roberta")), 0, "official", spec)
    size, own = words.size, words.marks
    assert (own.event, own.role, own.added) == (size, size + 2, 2 + 3 + 1) and words.end == (2, 2)
    assert words.tokenizer.decode([own.trigger[0]]) == "["
    added = Words(str(tmp_path / "b"), 0, "added", spec)
    marks = added.marks
    numbers = [*marks.trigger, marks.event, marks.event + 1, *range(marks.role, marks.role + 4)]
    assert sorted(numbers) == list(range(added.size, added.size + marks.added))
    assert len(added.pieces("rained")) == 2 and len(added.pieces("\u200b")) == 1
    with pytest.raises(InputError, match="a fresh encoder has no official markers"):
        extractor(encoder=replace(FRESH, markers="official"))
    many = replace(spec, classes=tuple(map(str, range(300))), roles=())
    with pytest.raises(InputError, match="300 types and 0 roles do not fit the unused tokens"):
        Words(str(tmp_path / "b"), 0, "official", many)


def test_bad_settings():
    for bad in ({"heads": 3}, {"words": 5}, {"limit": 4}):
        with pytest.raises(InputError, match="encoder"):
            EncoderConfig("fresh", **({"width": 16} | bad))
    with pytest.raises(InputError, match="model 'there/is/none'"):
        extractor(encoder=EncoderConfig("there/is/none"))


def test_a_fresh_encoder_attends_to_like_words_first():
    """From the first step on a word finds its like, and the places next to it look alike."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("fresh", words=64, width=64, layers=1, limit=32, dropout=0.0), corpus().spec).eval()
    ids = torch.randperm(50)[:20] + OWN
    ids[15] = ids[4]
    _, a = encoder(ids[None], torch.tensor([20]))
    assert a[0, 4, 15] > 2 * a[0, 4, [k for k in range(20) if abs(k - 4) > 3 and k != 15]].mean()
    assert a[0].diagonal().mean() > 2 * a[0].mean()
    places = encoder.model.embeddings.position_embeddings.weight
    like = places @ places.T
    assert (like[8, 9] > like[8, [0, 2, 14, 20]]).all()


# --- two windows ------------------------------------------------------------------------------------------------------


def stub(ids, mask):
    """States are the tokens' numbers, attention is uniform over the window."""
    b, n = ids.shape
    return ids[..., None].double(), torch.full((b, 2, n, n), 1 / n).double()


@pytest.mark.parametrize(("ends", "stop"), [((102,), 511), ((2, 2), 510)])
def test_two_windows_of_600_tokens(ends, stop):
    ids = torch.arange(1000, 1600)[None]
    h, a = windows(stub, ids, torch.tensor([600]), 512, (101,), ends)
    assert torch.equal(h[0, :, 0].round(), ids[0].double())
    a, begin = a[0, 0], 89
    one = torch.zeros(600).double()
    one[:stop] = 1 / stop
    torch.testing.assert_close(a[0], one)
    late = torch.zeros(600).double()
    late[begin:] = 1 / 511
    torch.testing.assert_close(a[599], late)
    both = torch.ones(600).double()
    both[begin:stop] = 2
    torch.testing.assert_close(a[300], both / both.sum())
    if stop == 511:
        assert a[300, 88].item() == pytest.approx(1 / 1022) and a[300, 89].item() == pytest.approx(2 / 1022)
    torch.testing.assert_close(a.sum(1), torch.ones(600).double())


def test_a_short_row_beside_a_long_one_and_the_middle_that_no_window_reaches():
    ids = torch.stack([torch.arange(1, 31), torch.cat([torch.arange(1, 8), torch.zeros(23, dtype=torch.long)])])
    seen = []

    def run(rows, mask):
        seen.append((rows, mask))
        return stub(rows, mask)

    h, a = windows(run, ids, torch.tensor([30, 7]), 12, (90,), (91,))
    rows, mask = seen[0]
    assert rows.shape == (3, 12) and mask.sum(1).tolist() == [12, 7, 12]
    assert rows[0].tolist() == [*range(1, 12), 91] and rows[2].tolist() == [90, *range(20, 31)]
    assert h[0, :, 0].round().tolist() == [*range(1, 12), *[0] * 8, *range(20, 31)]
    assert h[1, :12, 0].tolist() == [*range(1, 8), *[0] * 5] and not h[1, 12:].any()
    assert not a[0, 0, 11:19].any() and a[0, 0, 0].sum().item() == pytest.approx(1)


def test_equal_windows_give_the_same_states():
    def run(rows, mask):
        return torch.ones(*rows.shape, 3).double() * 7, stub(rows, mask)[1]

    h, a = windows(run, torch.arange(40)[None], torch.tensor([40]), 32, (1,), (1,))
    torch.testing.assert_close(h, torch.full((1, 40, 3), 7.0).double())
    torch.testing.assert_close(a.sum(-1), torch.ones(1, 2, 40).double())
