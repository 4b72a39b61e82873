"""The batch vocabulary."""

import pytest
import torch

from acteme.errors import InputError
from acteme.recordings.batch import VOCABULARY, check_batch, to_device


def good():
    return {"skeleton": torch.zeros(2, 4, 1, 3, 3), "mask": torch.ones(2, 4, dtype=torch.bool)}


def test_a_batch_of_the_vocabulary_passes():
    check_batch(good())
    check_batch({})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("skelton", torch.zeros(1), "'skelton' is not in the batch vocabulary; use one of skeleton"),
        ("skeleton", torch.zeros(2, 4, 3), "shape (2, 4, 3), expected (B T M V C)"),
        ("mask", torch.ones(2, 4), "is torch.float32, expected torch.bool"),
        ("mask", torch.ones(2, 5, dtype=torch.bool), "disagree on T: 'skeleton' has 4, 'mask' has 5"),
        ("label", torch.zeros(3, dtype=torch.int64), "disagree on B"),
    ],
)
def test_departures_are_named(name, value, message):
    with pytest.raises(InputError) as caught:
        check_batch(good() | {name: value})
    assert message in str(caught.value)


def test_every_entry_starts_with_the_batch_axis():
    assert all(entry.shape.split()[0] == "B" for entry in VOCABULARY.values())


def test_to_device_keeps_names_and_values():
    moved = to_device(good(), "cpu")
    assert moved.keys() == good().keys() and moved["mask"].all()
