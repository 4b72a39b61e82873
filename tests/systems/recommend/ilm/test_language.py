"""Language models: one of its own words, and one of the library in the architecture of SmolLM2, with random weights."""

from dataclasses import replace

import pytest
import torch

from acteme.errors import InputError
from acteme.nn.text import fresh_model
from acteme.systems.recommend.ilm.language import Borrowed, shared
from acteme.systems.recommend.ilm.prompts import Ask
from tests.systems.recommend.ilm.cases import LANGUAGE, aligner, batch, speaker


@pytest.fixture(scope="module")
def borrowed(tmp_path_factory):
    """The configuration of a model in the architecture of SmolLM2."""
    return replace(LANGUAGE, name=str(fresh_model(tmp_path_factory.mktemp("model") / "llama", "llama", limit=200)))


def ask(*items: int, answer: str = "Drama.") -> Ask:
    return Ask("given", "Question: is {item} like {item} ? Answer:", items, answer=answer)


def test_going_on_token_by_token_is_reading_it_all(borrowed):
    for made in (speaker().language, Borrowed(borrowed, False)):
        torch.manual_seed(0)
        ids = torch.randint(2, 30, (3, 7))
        mask = torch.ones(3, 7, dtype=torch.bool)
        mask[1, :2] = False
        with torch.no_grad():
            whole = made.logits(made.embed(ids), mask, 7)
            told = made.begin(made.embed(ids[:, :4]), mask[:, :4])
            torch.testing.assert_close(told.logits, whole[:, 3], atol=1e-5, rtol=0)
            rows = torch.tensor([1, 0, 2, 1])  # in another order, one of them twice
            told = made.go_on(told, rows, ids[rows, 4])
            torch.testing.assert_close(told.logits, whole[rows, 4], atol=1e-5, rtol=0)
            told = made.go_on(told, torch.tensor([3, 1]), ids[[1, 0], 5])
            torch.testing.assert_close(told.logits, whole[[1, 0], 5], atol=1e-5, rtol=0)


def test_answers_are_the_likeliest_tokens_one_by_one(borrowed):
    for made in (speaker().language, Borrowed(borrowed, False)):
        torch.manual_seed(0)
        ids = torch.randint(4, 30, (3, 6))
        mask = torch.ones(3, 6, dtype=torch.bool)
        mask[0, :3] = False
        x, seen = made.embed(ids), mask
        with torch.no_grad():
            rows = [[] for _ in ids]
            for _ in range(9):
                following = made.logits(x, seen, 1)[:, 0].argmax(-1)
                for row, token in zip(rows, following.tolist(), strict=True):
                    row.append(token)
                x = torch.cat([x, made.embed(following)[:, None]], 1)
                seen = torch.nn.functional.pad(seen, (0, 1), value=True)
        made.end = rows[1][4]  # an answer ends where this comes
        cut = [row[: row.index(made.end)] if made.end in row else row for row in rows]
        assert made.answer(made.embed(ids), mask, 9) == [made.write(row).strip() for row in cut]
        assert made.answer(made.embed(ids), mask, 0) == ["", "", ""]


def test_a_model_of_the_library_is_read_as_the_library_does(borrowed):
    made = speaker(after=aligner(), language=borrowed)
    assert made.language.start == (2,) and made.language.end == 3
    inner = shared(borrowed.name).model
    asks = [ask(3, 5), ask(4, 4, answer="a longer answer.")]
    found, x = made.sequence(asks, made.factors.table[:0])
    with torch.no_grad():
        for row, a in enumerate(asks):  # each by itself, without padding
            told = len(a.answer.encode()) + 2
            alone = inner(inputs_embeds=x[row : row + 1, found.mask[row]]).logits[0, -told - 1 : -1]
            torch.testing.assert_close(made.after(found, x)[row, -told:], alone, atol=1e-5, rtol=0)
    assert found.labels[0][found.labels[0] >= 0].tolist() == [*made.language.tokens(" Drama."), 3]
    assert made.language.write(made.language.tokens("A film, 1990s.")) == "A film, 1990s."
    assert made.language.scale() == pytest.approx(float(inner.get_input_embeddings().weight.norm(dim=1).mean()))


def test_a_model_of_the_library_is_frozen_shared_and_nobodys_state(borrowed):
    made = speaker(after=aligner(), language=borrowed).train()
    inner = shared(borrowed.name).model
    before = {n: p.clone() for n, p in inner.state_dict().items()}
    out = made.losses(batch())
    out["total"].backward()
    assert all(p.grad is None for p in inner.parameters()) and made.encoder.queries.grad.abs().sum() > 0
    torch.optim.Adam([p for p in made.parameters() if p.requires_grad], 1e-2).step()
    assert all(torch.equal(before[n], p) for n, p in inner.state_dict().items())
    assert not any(name.startswith("language") for name in made.state_dict())
    free = speaker(language=borrowed, train_llm=True)
    assert any(name.startswith("language") for name in free.state_dict())
    free.losses(batch())["total"].backward()
    own = free.language.model.get_input_embeddings().weight
    assert own.grad.abs().sum() > 0 and own is not inner.get_input_embeddings().weight


def test_what_is_too_long_is_said(borrowed):
    made = speaker(language=replace(borrowed, limit=30))
    with pytest.raises(InputError, match=r"a prompt of \d+ tokens, the language model takes 30; shorten it, or raise"):
        made.known([ask(3, 5)])
    assert made.reply([Ask("given", "{item} is a", (3,))] * 2, most=60)
