"""The errors for users."""

import pickle

from acteme.errors import ActemeError, InputError, MissingError


def test_one_line_with_place_and_mend():
    error = InputError("joint 3 of frame 17\nis NaN", "walk.npz", "fill or cut it")
    assert str(error) == "walk.npz: joint 3 of frame 17 is NaN; fill or cut it"
    assert (error.what, error.where, error.mend) == ("joint 3 of frame 17\nis NaN", "walk.npz", "fill or cut it")


def test_without_place_or_mend():
    assert str(InputError("no frames")) == "no frames"
    assert str(InputError("no frames", mend="add some")) == "no frames; add some"


def test_survives_a_process_pool():
    error = pickle.loads(pickle.dumps(InputError("what", "where", "mend")))
    assert (str(error), error.mend) == ("where: what; mend", "mend")


def test_one_handler_catches_all():
    assert issubclass(InputError, ActemeError) and issubclass(MissingError, ActemeError)
