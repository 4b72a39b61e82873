"""Phase 2: prompts with soft tokens, and what is trained."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest
import torch

from acteme.errors import InputError
from acteme.systems.recommend.ilm.prompts import IGNORED, Ask, by_length, mixed
from acteme.systems.recommend.ilm.tell import ASK, TOLD
from tests.systems.recommend.ilm.cases import (
    FACTORS,
    ITEMS,
    LANGUAGE,
    QFORMER,
    TELL,
    aligner,
    batch,
    catalog,
    corpus,
    speaker,
)


def ask(*items: int, prompt: str = "is {item} like {item} ?", answer: str = "drama .") -> Ask:
    return Ask("given", prompt, items, answer=answer)


def test_soft_tokens_take_the_place_of_slots():
    made = speaker()
    item = torch.tensor([3, 5])
    z = made.encoder(made.factors.items(item))
    assert z.shape == (2, QFORMER.queries, QFORMER.width)
    soft = made.soft(item, made.factors.table[:0])
    assert soft.shape == (2, QFORMER.queries, LANGUAGE.width)
    found, x = made.sequence([ask(3, 5)], made.factors.table[:0], answered=False)
    text = [t for piece in ("is", "like", "?") for t in made.language.tokens(piece)]
    assert len(text) == 3 and x.shape[1] == 1 + 3 + 2 * QFORMER.queries, "the marks themselves are gone"
    place = found.soft[0] >= 0
    torch.testing.assert_close(x[0][place], soft.flatten(0, 1))
    torch.testing.assert_close(x[0][~place], made.language.embed(found.ids[0][~place]))
    twice, _ = made.sequence([ask(5, 5)], made.factors.table[:0], answered=False)
    assert twice.soft.max() == QFORMER.queries - 1, "who comes twice is encoded once"


def test_histories_are_the_items_soft_tokens_and_users_their_own():
    made = speaker(history=2, tasks=("next", "genres"))
    about = made.about("next", [4, 6, 8], 0, "film a .")
    assert about.history == (6, 8), "the latest, the oldest first"
    user = made.about("user", [4, 6], 1)
    vectors = made.fold(batch())[:2]
    found, x = made.sequence([about, user], vectors)
    assert int((found.soft[0] >= 0).sum()) == 2 * QFORMER.queries
    own = made.soft(torch.zeros(0, dtype=torch.int64), vectors[1:])
    torch.testing.assert_close(x[1][found.soft[1] >= 0], own.flatten(0, 1))


def test_the_answer_alone_is_learned():
    made = speaker()
    asks = [ask(3, 5), ask(3, prompt="{item} ?", answer="a comedy drama .")]
    found, _ = made.sequence(asks, made.factors.table[:0])
    told = [(*made.language.tokens(" " + a.answer), made.language.end) for a in asks]
    for row, answer in zip(found.labels.tolist(), told, strict=True):
        assert [n for n in row if n != IGNORED] == list(answer) and row[-len(answer) :] == list(answer)
    assert found.ids[0, -len(told[0]) :].tolist() == list(told[0])
    known = made.known(asks)
    alone = [made.known([a]) for a in asks]
    torch.testing.assert_close(known.nats, torch.cat([k.nats for k in alone]))  # padding changes nothing
    assert known.tokens.tolist() == [len(t) for t in told]


def test_the_language_model_is_frozen_and_gradients_pass_through_it():
    made = speaker(after=aligner()).train()
    assert not made.language.training
    before = {n: p.clone() for n, p in made.language.state_dict().items()}
    optimizer = torch.optim.Adam([p for p in made.parameters() if p.requires_grad], 1e-2)
    out = made.losses(batch())
    out["total"].backward()
    assert all(p.grad is None for p in made.language.parameters())
    assert made.adapter.weight.grad.abs().sum() > 0 and made.encoder.queries.grad.abs().sum() > 0
    optimizer.step()
    assert all(torch.equal(before[n], p) for n, p in made.language.state_dict().items())
    free = speaker(train_llm=True).train()
    assert free.language.training
    free.losses(batch())["total"].backward()
    assert all(p.grad is not None for p in free.language.blocks.parameters())
    assert free.footprint()["trained_parameters"] > made.footprint()["trained_parameters"]


def test_phase_1_is_taken_over_unless_told_otherwise():
    align = aligner(seed=3)
    ours, rand = speaker(after=align), speaker(after=align, pretrained=False)
    torch.testing.assert_close(ours.encoder.queries, align.qformer.queries)
    assert (rand.encoder.queries - align.qformer.queries).abs().max() > 1e-3
    torch.testing.assert_close(rand.factors.table, align.factors.table)
    assert torch.equal(rand.told.role, align.told.role)
    assert not any("text" in n or "words" in n for n, _ in ours.encoder.named_parameters()), "no text branch"


def test_soft_tokens_are_as_long_as_the_vectors_of_tokens():
    for kind in ("qformer", "mlp", "linear"):
        made = speaker(encoder=kind)
        length = made.soft(torch.arange(1, 25), made.factors.table[:0]).norm(dim=-1).mean().item()
        assert length == pytest.approx(made.language.scale(), rel=1e-3), kind


def test_one_query_and_an_encoder_that_does_nothing_is_the_linear_baseline():
    linear = speaker(encoder="linear", qformer=replace(QFORMER, queries=1))
    item = torch.tensor([2, 7])
    plain = linear.adapter(linear.factors.items(item))[:, None]
    torch.testing.assert_close(linear.soft(item, linear.factors.table[:0]), plain)
    wide = replace(QFORMER, queries=1, width=FACTORS.width)
    other = speaker(qformer=wide)
    other.encoder = torch.nn.Unflatten(1, (1, FACTORS.width))  # vectors as they are
    other.adapter.load_state_dict(linear.adapter.state_dict())
    other.factors.load_state_dict(linear.factors.state_dict())
    torch.testing.assert_close(other.soft(item, other.factors.table[:0]), plain)


def test_numbers_at_random_are_text_and_need_a_model_that_learns():
    with pytest.raises(InputError, match=r"nothing to train; set speak.train_llm=true$"):
        speaker(encoder="text")
    made = speaker(encoder="text", train_llm=True)
    found, _ = made.sequence([ask(3, 5)], made.factors.table[:0])
    assert (found.soft < 0).all()
    assert sorted(made.number.tolist()) == list(range(25)) and made.number[0] == 0
    with pytest.raises(InputError, match=r"asks for a user, who cannot be written as text; leave out prompts with"):
        made.sequence([Ask("user", ASK["user"], user=0)], made.factors.table[:1])
    with pytest.raises(InputError, match=r"^speak.encoder=text: has no number for a user; leave out the task user"):
        speaker(encoder="text", train_llm=True, tasks=("genres", "user"))
    made.losses(batch())["total"].backward()
    assert made.language.table.weight.grad.abs().sum() > 0


def test_short_questions_are_read_without_the_padding_of_long_ones():
    made = speaker()
    asks = [ask(3), made.about("next", range(1, 20), 0, "film a ."), ask(5, prompt="{item}", answer="a war drama ."),
            made.about("next", range(4, 22), 0, "film .")]  # fmt: skip
    asks = [replace(a, items=a.items * 2) if a.prompt.count("{item}") == 2 else a for a in asks]
    found, x = made.sequence(asks, made.factors.table[:0])
    groups = [(rows.tolist(), longest) for rows, longest in by_length(found.mask.sum(1))]
    assert [sorted(rows) for rows, _ in groups] == [[1, 3], [0, 2]]
    assert groups[1][1] < groups[0][1] / 2
    most = found.labels.shape[1]
    plain = made.language.logits(x, found.mask, most + 1)[:, :-1]
    kept = found.labels != IGNORED
    torch.testing.assert_close(made.after(found, x)[kept], plain[kept])


def test_a_slot_and_its_item_must_both_be_there():
    made = speaker()
    with pytest.raises(InputError, match=r"^task 'given': has more slots than items: 'is .*; name an item for each"):
        made.known([ask(3)])
    with pytest.raises(InputError, match="has 1 items too many"):
        made.known([ask(3, 5, 6)])
    with pytest.raises(InputError, match="asks for a user, and none is given"):
        made.known([Ask("user", ASK["user"])])
    with pytest.raises(InputError, match=r"a prompt of .* tokens, the language model takes 120"):
        made.known([Ask("next", ASK["next"], history=tuple(range(1, 25)) * 2, answer="film .")])


def test_new_items_are_asked_about_in_no_training():
    made = speaker(tasks=("genres", "decade", "title", "describe", "next"))
    roles = {name: {a.items[0] for some in made.questions(name).values() for a in some}
             for name in ("catalogue", "new", "validation", "taught")}  # fmt: skip
    assert [len(roles[n]) for n in ("taught", "catalogue", "validation", "new")] == [6, 9, 3, 6]
    seen: dict[str, set[int]] = {}
    for _ in range(12):
        for a in made.asks(batch())[0]:
            seen.setdefault(a.task, set()).update(a.items)
            if a.task == "next":
                title = [t for t in range(1, 25) if made.told.title(t) == a.answer]
                assert title[0] not in roles["new"] | roles["validation"]
    assert seen["genres"] == seen["title"] == roles["taught"]
    assert seen["describe"] == roles["taught"] | roles["catalogue"]


def test_scores_are_the_sum_of_their_reasons():
    made = speaker()
    some = corpus().select("test")
    told = some.batch(range(4), [0] * 4, 6)
    found = made.predict(told)
    items = torch.tensor([[1, 2, 3]] * 4)
    scores = (found.query[:, None] * found.table[items - 1]).sum(-1)
    why = made.reasons(told, items, most=6)
    torch.testing.assert_close(why.parts.sum(-1), scores)
    assert set(why.names[0][0]) == {f"item {k}" for k in told["item"][0].tolist()}
    short = told | {"item": told["item"].clone(), "mask": told["mask"].clone(), "frames": told["frames"].clone()}
    short["item"][:, 2:], short["mask"][:, 2:], short["frames"][:] = 0, False, 2
    why = made.reasons(short, items, most=3)
    for names, parts in zip(why.names, why.parts.tolist(), strict=True):
        for some, values in zip(names, parts, strict=True):
            assert all((name != "") == (value != 0) for name, value in zip(some, values, strict=True)), (
                "padding is none"
            )


def test_it_learns_what_vectors_tell():
    torch.manual_seed(0)
    made = speaker(train_llm=True, tell=replace(TELL, taught=15), tasks=("genres",))
    optimizer = torch.optim.Adam([p for p in made.parameters() if p.requires_grad], 1e-2)
    asks = made.questions("taught")["genres"]
    before = made.known(asks)
    for _ in range(100):
        optimizer.zero_grad()
        made.losses(batch())["total"].backward()
        optimizer.step()
    after = made.known(asks)
    assert after.nats.sum() < 0.3 * before.nats.sum() and after.exact.mean() > 0.8
    said = made.reply(asks[:3])
    assert [s.replace(" ", "") for s in said] == [a.answer.lower().replace(" ", "") for a in asks[:3]]
    order = torch.roll(torch.arange(25), 1)
    made.factors.table.copy_(made.factors.table[order])
    assert made.known(asks).nats.sum() > 3 * after.nats.sum(), "vectors of other items tell nothing"


def test_the_batch_of_questions_is_padded_on_the_left():
    made = speaker()
    found, _ = mixed([ask(3, prompt="{item}"), ask(3, 5)], made.language, 4, torch.device("cpu"))
    assert found.mask[:, -1].all() and not found.mask[0, 0] and found.mask[1].all()


def test_titles_of_what_comes_next_are_words_that_a_small_model_knows():
    for tasks, known in ((("genres",), False), (("genres", "next"), True)):
        made = speaker(tasks=tasks)
        numbers = made.language.vocabulary.table()
        letters = [made.told.title(k).split()[1].strip(".").lower() for k in made.told.of(TOLD)]
        assert all(letter in numbers for letter in letters) is known


def test_words_of_seen_forms_and_answers_are_known_and_those_of_unseen_ones_are_not_needed():
    rows = (
        ("seen", "Whom would {user} applaud", [], "surely {target}"),
        ("unseen", "Fetch {user} anything", [], "gladly {target}"),
        ("train", "Compare {item}", [1], "mellow"),
        ("test", "Contrast {item}", [2], "harsh"),
    )
    names = ("split", "prompt", "items", "answer")
    lines = [[json.dumps(dict(zip(names, row, strict=True), task="x")) for row in rows], *([[]] * (ITEMS - 1))]
    told = catalog().append_column("examples", pa.array(lines, pa.list_(pa.string())))
    made = speaker(told=told, tasks=("prompts", "given"), language=replace(LANGUAGE, words=200))
    known = made.language.vocabulary.table()
    assert {"whom", "would", "applaud", "surely", "compare", "mellow"} <= set(known)
    assert not {"fetch", "anything", "gladly", "contrast", "harsh"} & set(known)
    (form,) = made.forms("unseen")
    asks = [made.formed(form, [1, 2], 0, made.told.title(5))]
    assert torch.isfinite(made.known(asks, made.factors.table[:1]).nats).all(), "its words are unknown ones"


def test_soft_tokens_of_zeros_tell_nothing():
    made = speaker()
    made.adapter.weight.data.zero_()
    made.adapter.bias.data.zero_()
    a, b = (made.known([ask(k, k)]).nats for k in (3, 8))
    assert torch.equal(a, b), "what is left is what the language model expects of anything"
