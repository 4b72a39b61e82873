"""The head against loops, hand-worked numbers and the definitions."""

import math

import pytest
import torch
import torch.nn.functional as F
from transformers import BertConfig, BertModel

from acteme.systems.detect.scprg.head import Head, Pooling, boundary, focal
from acteme.systems.detect.scprg.inputs import Tokens

ORDER = (
    "transform_start", "transform_end", "transform_span", "len_embedding", "classifier.0", "classifier.3",
    "start_classifier", "end_classifier", "begin_extractor", "end_extractor", "context_extractor",
)  # fmt: skip
"""Of an official checkpoint, without encoder and table of events."""


def tokens(length: int, spans, trigger=4, event=5, body=None, role=None, batch: int = 1, of=None) -> Tokens:
    span = torch.tensor(spans).reshape(-1, 2)
    where = torch.zeros(batch, length, dtype=torch.bool)
    marks = [where.clone() for _ in range(2)]
    for mark, places in zip(marks, (body or (), role or ()), strict=True):
        mark[:, list(places)] = True
    index = torch.tensor([trigger] * batch)
    return Tokens(torch.zeros(batch, length, dtype=torch.long), torch.full((batch,), length), index,
                  torch.tensor([event] * batch), *marks,
                  torch.zeros(len(span), dtype=torch.long) if of is None else torch.tensor(of), span)  # fmt: skip


def filled(head: Head) -> Head:
    """The weights of the hand-worked example."""
    named = dict(head.named_parameters())
    names = [n for part in ORDER for n in (f"{part}.weight", f"{part}.bias") if n in named]
    assert len(names) == len(named)
    with torch.no_grad():
        for i, name in enumerate(names):
            p = named[name]
            p.copy_((0.3 * torch.sin(0.7 * torch.arange(p.numel()).double() + i)).view(p.shape))
    return head


def example():
    h = torch.cos(0.9 * torch.arange(24).double()).view(1, 6, 4)
    a = torch.softmax(2 * torch.sin(1.1 * torch.arange(72).double()).view(1, 2, 6, 6), -1).mean(1)
    return h, a


def test_the_hand_worked_example():
    h, a = example()
    row = [0.270693, 0.147558, 0.026004, 0.058244, 0.262928, 0.234574]
    torch.testing.assert_close(a[0, 4], torch.tensor(row).double(), atol=2e-6, rtol=0)
    p = a[0, 1:3].mean(0) * a[0, 4]
    p = p / (p.sum() + 1e-5)
    expected = [0.319275, 0.217552, 0.013252, 0.006953, 0.127217, 0.315701]
    torch.testing.assert_close(p, torch.tensor(expected).double(), atol=2e-6, rtol=0)
    torch.testing.assert_close(p @ h[0], torch.tensor([0.306304, 0.352404, 0.131812, -0.188533]).double(), atol=2e-6,
                               rtol=0)  # fmt: skip
    for dtype, near in ((torch.float64, 2e-6), (torch.float32, 5e-6)):
        head = filled(Head(4, 4, Pooling()).double()).to(dtype).eval()
        spans = tokens(6, [(1, 2), (3, 3)])
        logits = head(h.to(dtype), a.to(dtype), spans, torch.tensor([[0, 1, 2]])).double()
        right = torch.tensor([[-0.108942, -0.532176, 0.131975], [-0.299398, -0.520711, 0.300826]]).double()
        torch.testing.assert_close(logits, right, atol=near, rtol=0)
        loss = focal(logits, torch.tensor([2, 0]))
        assert abs(loss.item() - 1.668945) < 2 * near
        ends = [F.one_hot(torch.tensor([k]), 6) for k in (1, 2)]
        mask = torch.ones(1, 6, dtype=torch.bool)
        both = sum(boundary(x.double(), y, mask) for x, y in zip(head.boundaries(h.to(dtype)), ends, strict=True))
        assert abs((loss + 0.1 * both).item() - 1.793859) < 2 * near


def test_labels_that_are_not_open_have_no_chance():
    h, a = example()
    head = filled(Head(4, 4, Pooling()).double()).eval()
    logits = head(h, a, tokens(6, [(1, 2)]), torch.tensor([[0, 1, 2, -1]]))
    assert logits[0, 3] == -1e4 and torch.softmax(logits, -1)[0, 3] == 0
    closed = head(h, a, tokens(6, [(1, 2)]), torch.tensor([[0, -1]]))
    assert torch.softmax(closed, -1)[0, 0] == 1


def test_parameters_of_the_official_heads():
    def count(labels, types):
        return sum(p.numel() for p in Head(768, labels, Pooling()).parameters()) + types * 200

    assert count(522, 139) == 9_891_214  # with the table of events, which is never used
    assert count(157, 139) == 9_610_529 and count(157, 49) == 9_592_529
    with torch.device("meta"):
        bert = sum(p.numel() for p in BertModel(BertConfig()).parameters())
    assert bert + count(522, 139) == 119_373_454
    assert Head(768, 522, Pooling()).classifier[0].in_features == 3860
    pooling = [f"{part}_extractor" for part in ("begin", "end", "context")]
    assert sum(p.numel() for n, p in Head(768, 522, Pooling()).named_parameters() if n.split(".")[0] in pooling) \
        == 3_541_248  # fmt: skip


def plain(head: Head, h, a, t: Tokens, open_):
    """Span by span, as the paper's formulas have it."""
    out = []
    w = head.pooling
    for of, (i, j) in zip(t.of.tolist(), t.span.tolist(), strict=True):
        x, trigger = h[of], h[of, t.trigger[of]]
        kinds = [(x, torch.ones(h.shape[1]).to(x))]
        if w.over == "separate":
            kinds = [(None, t.body[of].to(x)), (head.transform_role(x), t.role[of].to(x))]

        def pooled(rows, value):
            got = []
            for other, where in kinds:  # noqa: B023
                weight = {"clues": rows * a[of, t.trigger[of]], "trigger": a[of, t.trigger[of]],  # noqa: B023
                          "uniform": torch.ones_like(rows), "none": 0 * rows}[w.by] * where  # fmt: skip
                got.append((weight / (weight.sum() + w.epsilon)) @ (value if w.over == "merged" or other is None
                                                                    else other))  # fmt: skip
            return got

        start, end, middle = head.transform_start(x), head.transform_end(x), x[i : j + 1].mean(0)
        b = torch.tanh(head.begin_extractor(torch.cat([start[i], *pooled(a[of, i], start)])))
        e = torch.tanh(head.end_extractor(torch.cat([end[j], *pooled(a[of, j], end)])))
        m = torch.tanh(head.context_extractor(torch.cat([middle, *pooled(a[of, i : j + 1].mean(0), x)])))
        s = head.transform_span(torch.cat([b, e, m]))
        parts = [s, trigger, (s - trigger).abs(), s * trigger, head.len_embedding.weight[min(j - i, 49)]]
        logits = head.classifier(torch.cat([*parts, *([x[t.event[of]]] if head.event_vector else [])]))
        out.append(torch.where(open_[of] >= 0, logits[open_[of]], torch.tensor(-1e4).to(logits)))
    return torch.stack(out)


@pytest.mark.parametrize("over", ["merged", "separate"])
@pytest.mark.parametrize("by", ["clues", "trigger", "uniform", "none"])
@pytest.mark.parametrize("event_vector", [True, False])
def test_equal_the_formulas_span_by_span(over, by, event_vector):
    torch.manual_seed(0)
    head = Head(6, 5, Pooling(by, over), event_vector=event_vector).double().eval()
    for p in head.parameters():
        torch.nn.init.normal_(p, std=0.5)
    h, a = torch.randn(2, 60, 6).double(), torch.softmax(torch.randn(2, 60, 60).double(), -1)
    of = [0, 0, 0, 1, 1]
    t = tokens(60, [(0, 0), (2, 5), (1, 55), (3, 4), (59, 59)], 7, 9, range(10), (20, 25), 2, of)
    open_ = torch.tensor([[0, 2, 4], [0, 1, -1]])
    torch.testing.assert_close(head(h, a, t, open_), plain(head, h, a, t, open_), atol=1e-12, rtol=1e-10)


def weights(pooling: Pooling, a, length: int, trigger: int = 0):
    """What a head puts on each token: the pooled one-hot states."""
    head = Head(length, 2, pooling).double()
    h = torch.eye(length).double()[None]
    t = tokens(length, [(0, 0)], trigger, 0)
    weight, base = head._weights(h, a, t)
    return head._pooled(weight, h, base)[0][0]


@pytest.mark.parametrize(("length", "total"), [(512, 0.9949), (1024, 0.9899)])
def test_the_constant_is_not_small(length, total):
    a = torch.full((1, length, length), 1 / length).double()
    p = weights(Pooling(), a, length)[1]
    assert abs(p.sum().item() - (1 / length) / (1 / length + 1e-5)) < 1e-12 and abs(p.sum().item() - total) < 1e-4
    assert abs(weights(Pooling(epsilon=0), a, length)[1].sum().item() - 1) < 1e-12


def test_a_trigger_that_attends_to_one_token_alone():
    a = torch.softmax(torch.randn(1, 8, 8).double(), -1)
    a[0, 3] = F.one_hot(torch.tensor(5), 8)
    p = weights(Pooling(), a, 8, trigger=3)
    torch.testing.assert_close(p[1], F.one_hot(torch.tensor(5), 8).double(), atol=1e-3, rtol=0)


def test_padding_has_no_weight_and_nothing_to_pool_is_nothing():
    a = torch.softmax(torch.randn(1, 8, 8).double(), -1)
    a[..., 6:] = 0
    assert not weights(Pooling(), a, 8)[:, 6:].any()
    assert torch.isfinite(weights(Pooling(epsilon=0), torch.zeros(1, 8, 8).double(), 8)).all()


def test_focal_numbers():
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log().double()
    half = torch.tensor([[0.3, 0.5, 0.2]]).log().double()
    assert focal(logits, torch.tensor([0])).item() == pytest.approx(0.173287, abs=1e-6)
    assert focal(logits, torch.tensor([2])).item() == pytest.approx(10.300404, abs=2e-6)
    assert focal(half, torch.tensor([1])).item() == pytest.approx(10 * 0.25 * math.log(2), abs=1e-6)
    both = focal(torch.cat([logits, half]), torch.tensor([0, 1])).item()
    assert both == pytest.approx(0.953077, abs=1e-6)
    x, y = torch.randn(9, 4), torch.randint(4, (9,))
    torch.testing.assert_close(focal(x, y, 1.0, 0.0), F.cross_entropy(x, y))
    assert focal(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)) == 0
    far = torch.tensor([[200.0, -200.0]])
    assert torch.isfinite(focal(far, torch.tensor([1])))  # a logarithm of a probability would be infinite
