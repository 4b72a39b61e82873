import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.worlds import bodies
from acteme.recordings.worlds.mocap.figure import PROPORTIONS
from acteme.recordings.worlds.mocap.figure import RIG as MOCAP
from acteme.recordings.worlds.stage import rig


def test_streams_are_independent_and_repeat() -> None:
    draws = {path: bodies.generator(0, *path).random(4).tolist() for path in [(), (0,), (1,), (0, 1), (1, 0)]}
    assert len({tuple(d) for d in draws.values()}) == 5
    assert bodies.generator(0, 0, 1).random(4).tolist() == draws[0, 1]
    assert bodies.generator(1, 0, 1).random(4).tolist() != draws[0, 1]


@pytest.mark.parametrize("sectors", [2, 5, 8])
def test_train_and_test_share_no_viewpoint(sectors: int) -> None:
    seen = {}
    for split in bodies.SPLITS:
        angle, sector = bodies.azimuths(np.random.default_rng(0), 4000, sectors, split)
        np.testing.assert_array_equal(np.floor(angle / (2 * np.pi / sectors)), sector)
        assert angle.min() >= 0 and angle.max() < 2 * np.pi
        seen[split] = set(sector.tolist())
    assert seen == {"train": set(range(0, sectors, 2)), "test": set(range(1, sectors, 2))}


def test_one_sector_is_the_circle_for_both() -> None:
    for split in bodies.SPLITS:
        angle, sector = bodies.azimuths(np.random.default_rng(0), 4000, 1, split)
        assert angle.min() < 0.02 and angle.max() > 2 * np.pi - 0.02 and not sector.any()


def test_factors_stay_in_their_range() -> None:
    f = PROPORTIONS.draw(np.random.default_rng(0), 5000, 0.15, size=0)
    assert 0.85 <= f.min() < 0.851 and 1.149 < f.max() <= 1.15
    assert np.abs(np.corrcoef(f.T) - np.eye(f.shape[1])).max() < 0.06
    assert (PROPORTIONS.draw(np.random.default_rng(0), 3, 0.0) == 1).all()
    with pytest.raises(InputError, match=r"proportions is 0\.9"):
        PROPORTIONS.draw(np.random.default_rng(0), 3, 0.9)


@pytest.mark.parametrize(("made", "tree"), [(PROPORTIONS, MOCAP), (rig.PROPORTIONS, rig.RIG)])
def test_every_bone_belongs_to_a_group_and_both_sides_to_one(made: bodies.Proportions, tree) -> None:
    loose = [j for j, g in zip(tree.joints, made.members, strict=True) if g < 0]
    assert loose == [j for j in (tree.joints[0], "waist") if j in tree.joints]
    for joint, group in zip(tree.joints, made.members, strict=True):
        if joint.startswith("left_"):
            assert made.members[tree.joints.index(joint.replace("left", "right"))] == group


def test_offsets_scale_by_group() -> None:
    factors = np.ones((1, len(PROPORTIONS.groups)))
    factors[0, PROPORTIONS.groups.index("thighs")] = 2
    ratio = PROPORTIONS.offsets(MOCAP.offsets, factors)[0] - MOCAP.offsets
    changed = {j for j, row in zip(MOCAP.joints, ratio, strict=True) if row.any()}
    assert changed == {"right_knee", "left_knee"}


def test_counts_are_checked() -> None:
    bodies.check_counts(0, train=0)
    with pytest.raises(InputError, match="bodies is 0; it must be at least 1"):
        bodies.check_counts(1, train=3, bodies=0)
