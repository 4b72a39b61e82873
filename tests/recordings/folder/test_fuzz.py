"""Damaged files of your own data: only InputError may come out, with the name of the folder, never a hang."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.cache import read_all
from acteme.recordings.corpus import Corpus
from acteme.recordings.folder import folder
from tests.recordings.damage import damaged
from tests.recordings.folder.test_tables import long, wide
from tests.recordings.samples import skeleton
from tests.recordings.skeleton.readers.cases import skeleton_text, walk

TREE = """ROOT Hips [JOINT Spine [JOINT Spine1 [JOINT LeftArm [JOINT LeftForeArm [JOINT LeftHand []]]
JOINT RightArm [JOINT RightForeArm [JOINT RightHand []]] JOINT Neck [JOINT Head []]]]
JOINT LeftUpLeg [JOINT LeftLeg [JOINT LeftFoot []]] JOINT RightUpLeg [JOINT RightLeg [JOINT RightFoot []]]]"""


def figure(frames: int = 3) -> str:
    """A BVH file with the usual names of joints."""
    joint = "{\nOFFSET 0.0 30.0 1.0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
    tree = TREE.replace("[]", joint + "End Site {\nOFFSET 0.0 5.0 0.0\n}\n}\n").replace("[", joint).replace("]", "}\n")
    rows = [" ".join(f"{t + 0.5 * i:.2f}" for i in range(3 * tree.count("CHANNELS"))) for t in range(frames)]
    return f"HIERARCHY\n{tree}MOTION\nFrames: {frames}\nFrame Time: 0.0333\n" + "\n".join(rows) + "\n"


def _arrays(path: Path) -> None:
    np.savez(path, skeleton=skeleton(6), fps=30.0, layout="ntu25", confidence=np.ones((6, 2, 25), np.float32))


def _compressed(path: Path) -> None:
    np.savez_compressed(path, skeleton=skeleton(6), fps=30.0, layout="ntu25")


def _coco(path: Path) -> None:
    path.write_text(json.dumps([{"image_id": t, "keypoints": walk(1, 17, 3, t).ravel().tolist()} for t in (1, 2, 4)]))


MEDIA: dict[str, tuple[str, Callable[[Path], object]]] = {
    "npz": ("a.npz", _arrays),
    "compressed": ("a.npz", _compressed),
    "npy": ("a.npy", lambda path: np.save(path, skeleton(6, 2, 20))),
    "wide csv": ("a.csv", lambda path: path.write_text(wide(skeleton(4, 1, 17)[:, 0]))),
    "long csv": ("a.csv", lambda path: path.write_text(long(skeleton(4, 2, 17)))),
    "bvh": ("a.bvh", lambda path: path.write_text(figure())),
    "skeleton": ("a.skeleton", lambda path: path.write_text(skeleton_text([{"7": walk()[t]} for t in range(4)]))),
    "nw-ucla": ("a.json", lambda path: path.write_text(json.dumps({"skeletons": walk(4, 20).tolist(), "label": 7}))),
    "coco": ("a.json", _coco),
}
"""Kinds of files: name and writer."""


def data(path: Path, kind: str) -> Path:
    """A whole folder with one recording of two overlapping actions; returns its skeleton file."""
    name, write = MEDIA[kind]
    write(path / name)
    rows = [f'{name},0,0.05,walk,P1,"says, this",train,C1,30,1.5', f"{name},0.02,0.06,sit,P1,,train,C1,30,1.5"]
    header = "file,start,end,label,subject,text,split,camera,fps,factor:x"
    (path / "annotations.csv").write_text("\n".join([header, *rows]) + "\n")
    (path / "acteme.toml").write_text('fps = 30.0\nclasses = ["walk", "sit"]\nmultilabel = true\n')
    return path / name


def opened(path: Path) -> Corpus:
    listing = folder(path)
    return Corpus.of(read_all(listing, None), listing.spec)


@pytest.mark.parametrize("kind", MEDIA)
def test_the_whole_folder_is_read(tmp_path, kind):
    data(tmp_path, kind)
    corpus = opened(tmp_path)
    assert [s.label for s in corpus[0].segments] == ["walk", "sit"] and corpus.spec.multilabel
    assert corpus.arrays["skeleton"].any((1, 2, 3)).sum() >= 3


@pytest.mark.filterwarnings("error")
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(draw=st.data())
@pytest.mark.parametrize("kind", [*MEDIA, "table", "toml"])
def test_damage_gives_a_clear_error_or_data(tmp_path_factory, kind, draw):
    path = tmp_path_factory.mktemp("fuzz")
    victim = data(path, kind if kind in MEDIA else "npz")
    if kind not in MEDIA:
        victim = path / {"table": "annotations.csv", "toml": "acteme.toml"}[kind]
    whole = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(draw.draw(damaged(whole)))
    try:
        corpus = opened(path)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert np.isfinite(corpus.arrays["skeleton"]).all() and len(corpus) == 1
