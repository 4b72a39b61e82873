"""CTR-GCN archives: 150 = person, joint, axis; padding goes; one-hot labels."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.ctrgcn import ctrgcn


def save(path, x, y, **more):
    np.savez(path, **({"x_train": x, "y_train": y, "x_test": x, "y_test": y} | more))
    return path


def clips() -> tuple[np.ndarray, np.ndarray]:
    x = np.zeros((2, 6, 150), np.float32)
    x[0, :4] = np.arange(600).reshape(4, 150) + 1
    x[1, 2] = 7  # an empty frame within a clip stays
    return x, np.eye(60)[[5, 59]]


def test_order_padding_and_labels(tmp_path):
    x, y = clips()
    listing = ctrgcn(save(tmp_path / "NTU60_CS.npz", x, y, x_test=x[:1], y_test=y[:1]))
    first, second, third = [item.read() for item in listing.items]
    assert first.arrays["skeleton"].shape == (4, 2, 25, 3)
    assert first.arrays["skeleton"][1, 1, 3, 2] == x[0, 1, 75 + 3 * 3 + 2]
    assert second.arrays["skeleton"].shape == (3, 2, 25, 3) and not second.arrays["skeleton"][:2].any()
    assert (first.label, second.label) == ("pick up", "walk apart from each other")
    assert [r.split for r in (first, second, third)] == ["train", "train", "test"]
    assert listing.spec.classes[0] == "drink water" and len({i.name for i in listing.items}) == 3
    assert listing.items[1].where.endswith("row 1 of x_train")


def test_other_numbers_of_classes_have_numbers(tmp_path):
    x, _ = clips()
    assert ctrgcn(save(tmp_path / "a.npz", x, np.eye(3)[:2])).spec.classes == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[:, :, :75], y), r"'x_train' has shape \(2, 6, 75\), expected \(clips, frames, 150\)"),
        (lambda x, y: (x, y[:1]), r"'y_train' has shape \(1, 60\), expected \(2, classes\)"),
        (lambda x, y: (x, np.ones_like(y)), "row 0 of 'y_train' does not name one class"),
        (lambda x, y: (x, y * [[1], [0]]), "row 1 of 'y_train' does not name one class"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        ctrgcn(save(tmp_path / "a.npz", *change(*clips())))


@pytest.mark.parametrize(("value", "message"), [(0, "has no frame that is not zero"), (np.nan, "has a NaN")])
def test_an_empty_or_broken_clip_names_its_row(tmp_path, value, message):
    x, y = clips()
    x[1] = value
    listing = ctrgcn(save(tmp_path / "a.npz", x, y))
    listing.items[0].read()
    with pytest.raises(InputError, match=f"row 1 of x_train: .*{message}"):
        listing.items[1].read()
