import numpy as np

from acteme.recordings.worlds.stage.people import Subjects
from acteme.recordings.worlds.stage.rig import RIG


def test_style_zero_makes_all_alike_but_for_their_bones() -> None:
    s = Subjects.draw(np.random.default_rng(0), 9, 0.15, 0.0, 0.0)
    assert (s.tempo == 1).all() and (s.vigor == 1).all() and not s.posture.any() and not s.left_handed.any()
    assert s.factors.min() >= 0.85 and s.factors.max() <= 1.15 and np.ptp(s.factors, axis=0).min() > 0.05


def test_style_scales_habits() -> None:
    one, two = (Subjects.draw(np.random.default_rng(0), 500, 0.15, s, 0.0) for s in (1.0, 2.0))
    np.testing.assert_allclose(two.tempo - 1, 2 * (one.tempo - 1))
    assert abs(two.posture.std() - 0.16) < 0.005 and 0.84 < one.tempo.min() < 0.86


def test_left_handed_people_are_the_fraction() -> None:
    s = Subjects.draw(np.random.default_rng(0), 40, 0.15, 1.0, 0.25)
    assert s.left_handed.sum() == 10 and not s.left_handed[:10].all()


def test_an_actor_has_the_body_of_its_subject() -> None:
    s = Subjects.draw(np.random.default_rng(0), 3, 0.15, 1.0, 0.0)
    a = s.actor(np.array([2, 0]))
    np.testing.assert_array_equal(a.tempo, s.tempo[[2, 0]])
    thigh = RIG.joints.index("left_knee")
    np.testing.assert_allclose(a.offsets[0, thigh] / RIG.offsets[thigh, 1] * [1, 1, 1], [0, s.factors[2, 6], 0])
