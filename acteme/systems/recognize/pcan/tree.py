"""The loss over the tree of groups and classes (PCAN, hierarchical action tree; after HRN, Chen et al., CVPR 2022)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def tree_loss(
    logits: Float[Tensor, "n k"],
    group_logits: Float[Tensor, "n g"],
    label: Int[Tensor, " n"],
    group_of: Int[Tensor, " k"],
) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of the true class over the legal states of the tree; 0 without clips.

    A state is a group alone, or a class with its group: g + k of the 2^(g + k) patterns of marginals are legal. A state
    scores the sum of the sigmoids of what it holds, a softmax over the states makes it a probability, and one state
    holds the true class:

        loss = log( sum_g e^(v_g) + sum_k e^(u_k + v_g(k)) ) - (u_y + v_g(y)),   u, v = sigmoid of the logits.

    Sigmoids are below 1, so that the loss stays above zero: with zero logits of 52 classes in 7 groups it is 4.0297,
    with perfect ones for a group of 13 it is 2.4742.

    Args:
        logits: of the classes.
        group_logits: of the groups.
        label: true class.
        group_of: group of each class.
    """
    groups = group_logits.sigmoid()
    classes = logits.sigmoid() + groups[:, group_of]
    whole = torch.cat([groups, classes], 1).logsumexp(1)
    return (whole - classes.gather(1, label[:, None])[:, 0]).sum() / max(len(label), 1)


def outcome(
    logits: Float[Tensor, "n k"], group_logits: Float[Tensor, "n g"], label: Int[Tensor, " n"], group: Int[Tensor, " n"]
) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
    """Which set each clip falls into by its predictions: that of its class, and that of its group.

    Of the class: 0 where both levels are right (TP), 1 where only the group is (FN1), 2 where only the class is (FN2),
    3 where neither is (FN3). Of the group: 0 where it is right, 1 where it is not.
    """
    class_right, group_right = logits.argmax(1) == label, group_logits.argmax(1) == group
    missed = (~group_right).long()
    return 2 * missed + (~class_right).long(), missed
