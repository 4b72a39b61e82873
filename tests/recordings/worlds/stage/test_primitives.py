import numpy as np

from acteme.recordings.worlds.stage.primitives import KIND_OF_PART, KINDS, PRIMITIVES, STILL, TABLE
from acteme.recordings.worlds.stage.rig import PARTS


def test_still_is_rest_and_every_other_primitive_moves() -> None:
    assert not TABLE[:, STILL].any()
    swing_or_pulse = TABLE[:, :, :, 1:3].any((2, 3))
    assert swing_or_pulse[:, [i for i in range(len(PRIMITIVES)) if i != STILL]].all()


def test_no_two_primitives_of_a_part_are_alike() -> None:
    for kind in TABLE:
        assert len({p.tobytes() for p in kind}) == len(PRIMITIVES)


def test_kinds_fit_the_parts() -> None:
    assert [KINDS[k] for k in KIND_OF_PART] == [p.split("_")[-1] for p in PARTS]


def test_joints_stay_within_what_a_body_can_do() -> None:
    offset, swing, pulse = TABLE[..., 0], TABLE[..., 1], TABLE[..., 2]
    least = offset - np.abs(swing) + np.minimum(pulse, 0)
    most = offset + np.abs(swing) + np.maximum(pulse, 0)
    limbs = [KINDS.index("arm"), KINDS.index("leg")]
    assert least[limbs, :, 3].min() >= -0.01 and most[limbs, :, 3].max() < 2.5  # elbows and knees bend one way
    assert most.max() < 2.7 and least.min() > -1.2
