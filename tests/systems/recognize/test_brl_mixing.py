"""Rebalanced part mixing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import layout
from acteme.systems.recognize.brl.mixing import Mix, Mixing, draw, halves, mixed

UPPER, LOWER = halves(layout("ntu25"))
COUNTS = torch.tensor([300.0, 100.0, 31.0, 30.0, 29.0])


def clips(b=6, v=25, seed=0):
    return torch.randn(b, 4, 2, v, 3, generator=torch.Generator().manual_seed(seed))


def pair(first, second, **changes):
    """The draw for a batch of two clips of which one is mixed with the other: alpha of a mixture of two classes."""
    label = torch.tensor([first, second])
    mix = draw(Mixing(share=0.5, **changes), label, COUNTS, 0.64)
    row = int(mix.rows)
    assert (
        mix.partner.tolist() == [1 - row] and mix.other[row] == label[1 - row] and mix.other[1 - row] == label[1 - row]
    )
    assert mix.alpha[1 - row] == 1
    return label[row].item(), mix.alpha[row].item()


def test_the_halves():
    assert [*range(1, 12), *range(20, 25)] == UPPER and [0, *range(12, 20)] == LOWER
    assert halves(layout("kinect20")) == (list(range(1, 12)), [0, *range(12, 20)])
    assert halves(layout("coco17")) == (list(range(11)), list(range(11, 17)))
    for name in ("body15", "smpl22", "mocap15", "openpose18"):
        upper, lower = halves(layout(name))
        assert sorted(upper + lower) == list(range(layout(name).count)) and 6 <= len(lower) < len(upper) + 3
    with pytest.raises(InputError, match=r"'shrec22' has no upper and lower body; set mixing.share to 0"):
        halves(layout("shrec22"))


def test_a_mixed_clip_has_the_upper_body_of_one_and_the_lower_of_another():
    x, label = clips(), torch.tensor([0, 1, 2, 3, 4, 0])
    before = x.clone()
    mix = Mix(torch.tensor([1, 2]), torch.tensor([3, 1]), label, torch.ones(6))
    z = mixed(x, mix, UPPER, LOWER)
    assert torch.equal(x, before), "the batch stays as it is"
    assert torch.equal(z[[0, 3, 4, 5]], x[[0, 3, 4, 5]])
    assert torch.equal(z[1][..., UPPER, :], x[1][..., UPPER, :]) and torch.equal(
        z[1][..., LOWER, :], x[3][..., LOWER, :]
    )
    assert torch.equal(z[2][..., LOWER, :], x[1][..., LOWER, :]), "of the partner as it was before it was mixed"


def test_the_official_order_of_the_joints():
    x = clips()
    mix = Mix(torch.tensor([1]), torch.tensor([3]), torch.zeros(6), torch.ones(6))
    z = mixed(x, mix, UPPER, LOWER, scrambled=True)[1]
    for slot, whose, joint in ((0, 1, 1), (9, 1, 10), (15, 1, 24), (16, 3, 0), (24, 3, 19)):
        assert torch.equal(z[..., slot, :], x[whose][..., joint, :])


@given(st.integers(0, 40), st.sampled_from([0.0, 1 / 16, 0.25, 1.0]))
def test_draws(b, share):
    label = torch.arange(b) % 5
    mix = draw(Mixing(share=share), label, COUNTS, 0.64)
    assert len(mix.rows) == (int(share * b) if b > 1 else 0) == len(set(mix.rows.tolist()))
    assert (mix.rows != mix.partner).all() and (mix.partner < max(b, 1)).all() and (mix.partner >= 0).all()
    assert torch.equal(mix.other[mix.rows], label[mix.partner])
    rest = torch.ones(b, dtype=torch.bool)
    rest[mix.rows] = False
    assert torch.equal(mix.other[rest], label[rest]) and (mix.alpha[rest] == 1).all()


def test_every_other_clip_is_drawn_as_a_partner():
    torch.manual_seed(0)
    label = torch.zeros(4, dtype=torch.long)
    seen = {(int(m.rows), int(m.partner)) for m in (draw(Mixing(share=0.25), label, COUNTS, 0.5) for _ in range(300))}
    assert len(seen) == 12


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (0, 0, 0.64),
        (0, 1, 0.64), (1, 0, 0.64),  # 3.0 times
        (2, 3, 0.64),
        (0, 2, 0.0), (2, 0, 1.0), (1, 3, 0.0), (3, 1, 1.0),
        (1, 2, 0.0), (2, 1, 1.0), (1, 4, 0.0), (4, 1, 1.0),
    ],
)  # fmt: skip
def test_whose_label_a_mixed_clip_gets(first, second, wanted):
    torch.manual_seed(0)
    swapped = {0.0: 1.0, 1.0: 0.0}.get(wanted, wanted)
    found = {(row, round(alpha, 6)) for row, alpha in (pair(first, second) for _ in range(20))}
    assert found == {(first, wanted), (second, swapped)}
    assert pair(first, second, rebalance=False)[1] == pytest.approx(0.64)


@pytest.mark.parametrize(("times", "wanted"), [(2.9, 0.64), (3.0, 0.64), (3.1, 0.0)])
def test_the_ratio_is_strict(times, wanted):
    torch.manual_seed(0)
    counts = torch.tensor([10 * times, 10.0])
    for label, alpha in (([0, 1], wanted), ([1, 0], 1 - wanted if wanted != 0.64 else 0.64)):
        mix = draw(Mixing(share=0.5), torch.tensor(label), counts, 0.64)
        while mix.rows[0] != 0:
            mix = draw(Mixing(share=0.5), torch.tensor(label), counts, 0.64)
        assert mix.alpha[0].item() == pytest.approx(alpha)


def test_one_alpha_for_the_batch_is_that_of_the_last():
    torch.manual_seed(0)
    label = torch.tensor([0, 3, 0, 3])
    for _ in range(20):
        mix = draw(Mixing(share=0.75, one_alpha=True), label, COUNTS, 0.64)
        a, b = label[mix.rows[-1]], mix.other[mix.rows[-1]]
        assert mix.alpha.ndim == 0 and mix.alpha.item() == pytest.approx(0.64 if a == b else float(a == 3))
    assert draw(Mixing(share=0.1, one_alpha=True), label, COUNTS, 0.64).alpha == 0, "none is mixed"


def test_the_official_loop_of_four():
    torch.manual_seed(0)
    label, partners = torch.arange(4), set()
    for _ in range(100):
        mix = draw(Mixing(share=1.0, in_turn=True), label, COUNTS, 0.64)
        assert mix.rows.tolist() == [0, 2], "1 and 3 are skipped"
        assert mix.other.tolist() == [mix.partner[0], 1, mix.partner[1], 3]
        partners.add(tuple(mix.partner.tolist()))
    assert partners == {(a, b) for a in (1, 2, 3) for b in (1, 3)}


@given(st.integers(0, 24), st.sampled_from([0.0, 1 / 16, 0.25, 0.5, 0.8, 1.0]), st.integers(0, 1000))
def test_clips_mixed_in_turn(b, share, seed):
    label = torch.arange(b) % 5
    mix = draw(Mixing(share=share, in_turn=True), label, COUNTS, 0.64, torch.Generator().manual_seed(seed))
    drawn = torch.randperm(b, generator=torch.Generator().manual_seed(seed))[: int(share * b) if b > 1 else 0].tolist()
    left, rows, place = list(range(b)), [], 0
    while place < len(left):  # each clip that is mixed leaves the list, whose next one moves up to the place just seen
        if left[place] in drawn:
            rows.append(left.pop(place))
            assert mix.partner[len(rows) - 1] in left
        place += 1
    assert mix.rows.tolist() == rows


def test_clips_without_a_label_are_not_mixed():
    torch.manual_seed(0)
    label = torch.tensor([0, -1, 2, -1])
    for _ in range(10):
        mix = draw(Mixing(share=1.0), label, COUNTS, 0.64)
        assert set(mix.rows.tolist()) <= {0, 2} and set(mix.partner.tolist()) <= {0, 2}
        assert mix.other[1] == mix.other[3] == -1
