"""The search among answers, against scoring each of them."""

import pytest
import torch

from acteme.systems.recommend.ilm.beam import Tree, search
from acteme.systems.recommend.ilm.prompts import Ask
from tests.systems.recommend.ilm.cases import speaker

ANSWERS = ["film a .", "film b .", "film b c .", "war", "western war drama .", "comedy .", "film b ."]


@pytest.fixture(scope="module")
def made():
    made = speaker()
    made.language.table.weight.data.mul_(8)  # so that answers differ
    return made


def test_a_wide_beam_finds_the_order_of_all_answers(made):
    prompts = [Ask("x", "is {item} {item} ?", (3, 4)), Ask("x", "{item}", (7,)), Ask("x", "what of {item} ?", (9,))]
    tree = Tree([(*made.language.tokens(f" {a}"), made.language.end) for a in ANSWERS], torch.device("cpu"))
    leaf, score = made.ranked(prompts, made.factors.table[:0], tree, 10)
    for row, prompt in enumerate(prompts):
        each = {a: -float(made.known([Ask("x", prompt.prompt, prompt.items, answer=a)]).nats) for a in ANSWERS}
        found = [(tree.leaves[at], s) for at, s in zip(leaf[row].tolist(), score[row].tolist(), strict=True) if at >= 0]
        assert len(found) == 6, "equal answers once"
        assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)
        for numbers, value in found:
            assert value == pytest.approx(each[ANSWERS[numbers[0]]], abs=1e-4)
        assert [1, 6] in [numbers for numbers, _ in found]


def test_a_narrow_beam_keeps_the_likeliest_beginnings(made):
    tree = Tree([(*made.language.tokens(f" {a}"), made.language.end) for a in ANSWERS], torch.device("cpu"))
    asks = [Ask("x", "{item}", (k,)) for k in (3, 8)]
    made_, x = made.sequence(asks, made.factors.table[:0], answered=False)
    leaf, _ = search(made.language, x, made_.mask, tree, 1)
    for row, ask in enumerate(asks):
        node, prefix = 0, []
        while int(tree.size[node]):
            at = int(tree.first[node]) + torch.arange(int(tree.size[node]))
            _, y = made.sequence([Ask("x", ask.prompt, ask.items)], made.factors.table[:0], answered=False)
            y = torch.cat([y, made.language.embed(torch.tensor([prefix], dtype=torch.int64))], 1)
            logits = made.language.logits(y, torch.ones(y.shape[:2], dtype=torch.bool), 1)[0, 0]
            best = at[logits[tree.token[at]].argmax()]
            prefix.append(int(tree.token[best]))
            node = int(tree.child[best])
        assert int(leaf[row, 0]) == node and leaf.shape == (2, 1)


def test_nothing_to_answer(made):
    asks = [Ask("x", "{item}", (3,))]
    made_, x = made.sequence(asks, made.factors.table[:0], answered=False)
    leaf, score = search(made.language, x, made_.mask, Tree([], torch.device("cpu")), 2)
    assert leaf.tolist() == [[-1, -1]] and not torch.isfinite(score).any()
