"""Search among the answers that there are: token by token the likeliest of them, a constrained beam."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.systems.recommend.ilm.language import Language


class Tree:
    """Answers as a tree of their tokens.

    Args:
        answers: tokens of each, the last of which ends it and stands nowhere else. Equal answers share a leaf.
        device: of the tree.
    """

    def __init__(self, answers: Sequence[Sequence[int]], device: torch.device):
        nodes: list[dict[int, int]] = [{}]
        self.leaves: dict[int, list[int]] = {}
        """Answers that end at a node."""
        for number, answer in enumerate(answers):
            node = 0
            for token in answer:
                if token not in nodes[node]:
                    nodes[node][token] = len(nodes)
                    nodes.append({})
                node = nodes[node][token]
            self.leaves.setdefault(node, []).append(number)

        def tensor(values: list[int]) -> Int[Tensor, " n"]:
            return torch.tensor(values, dtype=torch.int64, device=device)

        self.size = tensor([len(node) for node in nodes])
        """Tokens that follow each node; none of them after an answer."""
        self.first = self.size.cumsum(0) - self.size
        self.token = tensor([token for node in nodes for token in node])
        self.child = tensor([child for node in nodes for child in node.values()])


@torch.no_grad()
def search(
    language: Language, x: Float[Tensor, "b l d"], mask: Tensor, tree: Tree, width: int
) -> tuple[Int[Tensor, "b width"], Float[Tensor, "b width"]]:
    """The leaves that are found after each of some prompts, the likeliest first, and log p of their answers.

    Args:
        language: whose probabilities.
        x, mask: the prompts.
        tree: all answers.
        width: beginnings of answers that are kept at a time, and leaves at most; -1 and -inf where there are fewer.
    """
    size, device = len(x), x.device
    row = user = torch.arange(size, device=device)
    node, score = torch.zeros_like(user), x.new_zeros(size, dtype=torch.float32)
    told, live = language.begin(x, mask), tree.size[node] > 0
    while live.any():
        log_p = told.logits.float().log_softmax(-1)
        count = tree.size[node[live]]
        of = torch.arange(len(count), device=device).repeat_interleave(count)  # the row that each goes on from
        at = torch.arange(len(of), device=device) + (tree.first[node[live]] - count.cumsum(0) + count)[of]
        ended = ~live
        user = torch.cat([user[live][of], user[ended]])
        score = torch.cat([score[live][of] + log_p[of, tree.token[at]], score[ended]])
        token = torch.cat([tree.token[at], torch.zeros_like(node[ended])])
        node, row = torch.cat([tree.child[at], node[ended]]), torch.cat([of, torch.zeros_like(node[ended])])
        kept = _best(user, score, width)
        user, node, score, row, token = (part[kept] for part in (user, node, score, row, token))
        live = tree.size[node] > 0
        if live.any():
            told = language.go_on(told, row[live], token[live])
    leaf = torch.full((size, width), -1, device=device)
    found = torch.full((size, width), -torch.inf, device=device)
    user, node, score = (part[node > 0] for part in (user, node, score))  # a tree may be empty
    place = torch.arange(len(user), device=device) - torch.searchsorted(user, user)
    leaf[user, place], found[user, place] = node, score
    return leaf, found


def _best(user: Int[Tensor, " n"], score: Float[Tensor, " n"], width: int) -> Int[Tensor, " k"]:
    """The highest scores of each user, user by user."""
    order = torch.argsort(score, descending=True, stable=True)
    order = order[torch.argsort(user[order], stable=True)]
    place = torch.arange(len(order), device=order.device) - torch.searchsorted(user[order], user[order])
    return order[place < width]
