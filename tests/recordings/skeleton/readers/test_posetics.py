"""Posetics: IDs, labels, splits, scaling, and what is broken."""

import json

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.posetics import posetics
from tests.recordings.skeleton.readers.cases import CASES, walk

TABLE = "posetics_train_label.json"


def test_labels_and_splits(tmp_path):
    CASES["posetics"].files(tmp_path)
    listing = posetics(tmp_path)
    read = [item.read() for item in listing.items]
    assert [(r.label, r.split) for r in read] == [("do 3", "train"), ("do 319", "test")]
    assert (listing.spec.layout, listing.spec.persons, listing.spec.channels) == ("posetics17", 2, 2)
    assert len(listing.spec.classes) == 320 and listing.spec.classes[3] == "do 3"
    assert listing.spec.classes[4] == "class 4"


def test_2d_is_scaled_and_3d_is_not(tmp_path):
    CASES["posetics"].files(tmp_path)
    pixels = (100 * walk(1, 13, 2)).ravel()
    nose = posetics(tmp_path).items[0].read().arrays["skeleton"][0, 0, 0]
    np.testing.assert_allclose(nose, [2 * pixels[12] / 640 - 1, 2 * pixels[25] / 640 - 480 / 640], rtol=1e-5)
    plain = posetics(tmp_path, width=0).items[0].read().arrays["skeleton"]
    np.testing.assert_allclose(plain[0, 0, 0], [pixels[12], pixels[25]], rtol=1e-5)
    assert plain.shape == (2, 2, 17, 2) and not plain[1].any() and not plain[:, 1].any()
    assert posetics(tmp_path, axes=3).items[0].read().arrays["skeleton"].shape == (2, 2, 17, 3)


def test_clips_without_skeleton_or_label_are_left_out_and_counted(tmp_path):
    CASES["posetics"].files(tmp_path)
    (tmp_path / "posetics_train" / "unlabeled___000000_000010.json").write_text("{")
    table = tmp_path / "posetics_val_label.json"
    labels = json.loads(table.read_text())
    next(iter(labels.values()))["has_skeleton"] = False
    table.write_text(json.dumps(labels))
    listing = posetics(tmp_path)
    assert len(listing.items) == 1
    assert list(listing.notes) == ["1 clips have no skeleton, left out", "1 clips have no label, left out"]


@pytest.mark.parametrize("index", [-1, 320, True, "3", None, 1.0])
def test_labels_out_of_range(tmp_path, index):
    CASES["posetics"].files(tmp_path)
    labels = json.loads((tmp_path / TABLE).read_text())
    next(iter(labels.values()))["label_index"] = index
    (tmp_path / TABLE).write_text(json.dumps(labels))
    with pytest.raises(InputError, match=r'_train_000012_000022: has "label_index" .*, expected 0 to 319'):
        posetics(tmp_path)


def test_what_is_no_posetics(tmp_path):
    with pytest.raises(InputError, match=r"has no posetics_train_label\.json"):
        posetics(tmp_path)
    CASES["posetics"].files(tmp_path)
    (tmp_path / TABLE).write_text("[]")
    with pytest.raises(InputError, match="is not a table of labels"):
        posetics(tmp_path)
    (tmp_path / TABLE).write_text((tmp_path / "posetics_val_label.json").read_text().replace("___val", "_train"))
    labels = json.loads((tmp_path / TABLE).read_text())
    next(iter(labels.values()))["label_index"] = 5
    (tmp_path / TABLE).write_text(json.dumps(labels))
    with pytest.raises(InputError, match="two classes have one name"):
        posetics(tmp_path)
