"""One small whole file, or folder, of every format that is read, to be checked and to be damaged."""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from acteme.recordings.recording import Listing
from acteme.recordings.skeleton.readers import (
    agcn,
    bvh,
    ctrgcn,
    humanml3d,
    lcrnet,
    ma52,
    mixamo,
    ntu,
    ntux,
    nwucla,
    openpose,
    pku,
    posetics,
    pybullet,
    pyskl,
    segments,
    shrec,
    tmr,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A format."""

    files: Callable[[Path], None]
    """Writes the whole files into a folder."""
    victim: str
    """The file to damage."""
    read: Callable[[Path], object]
    """Reads everything in the folder."""


def everything(listing: Listing) -> list:
    return [item.read() for item in listing.items]


def walk(frames: int = 4, joints: int = 25, axes: int = 3, seed: int = 0) -> np.ndarray:
    """(frames, joints, axes) of nothing in particular, without zeros."""
    return np.random.default_rng(seed).normal(1, 0.3, (frames, joints, axes)).round(4).astype(np.float32) + 0.01


def skeleton_text(bodies: list[dict[str, np.ndarray]]) -> str:
    """A `.skeleton` file; for each frame the bodies by ID, (25, 3)."""
    lines = [str(len(bodies))]
    for frame in bodies:
        lines.append(str(len(frame)))
        for name, joints in frame.items():
            lines += [f"{name} 0 1 1 1 1 0 0.02 -0.09 2", "25"]
            lines += [" ".join(f"{v:.9g}" for v in joint) + " 250.5 200.25 950 500 0 0.1 0.2 0.3 2" for joint in joints]
    return "\n".join(lines) + "\n"


HAND_MADE = "1\n1\n72057594037931101 0 1 1 1 1 0 0.02 -0.09 2\n25\n" + "".join(
    f"0.{j:02d} 1.{j:02d} -2.5 1 2 3 4 5 6 7 8 2\n" for j in range(25)
)
"""A `.skeleton` file of one frame with one body."""

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0.0 0.0 0.0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0.0 50.0 0.0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0.0 60.0 0.0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0.0 90.0 0.0 0.0 0.0 0.0 90.0 0.0 0.0
10.0 90.0 5.0 0.0 0.0 90.0 0.0 0.0 0.0
"""


def _ntu(path: Path) -> None:
    frames = [{"7": walk()[t], "8": walk(seed=1)[t]} for t in range(3)]
    (path / "S001C002P003R002A013.skeleton").write_text(skeleton_text([frames[0], {}, *frames[1:]]))


def _ntu_missing(path: Path) -> None:
    _ntu(path)
    (path / ntu.MISSING[0]).write_text("S001C002P005R002A008\nS001C002P006R001A008\n")


def _ctrgcn(path: Path) -> None:
    x = np.zeros((3, 5, 150), np.float32)
    x[:, :4] = walk(12, 50).reshape(3, 4, 150)
    y = np.eye(3)
    np.savez(path / "a.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])


def _ctrgcn_compressed(path: Path) -> None:
    _ctrgcn(path)
    with np.load(path / "a.npz") as archive:
        np.savez_compressed(path / "a.npz", **dict(archive))


def _agcn(path: Path) -> None:
    x = walk(2 * 3 * 6, 25, 2).reshape(2, 3, 6, 25, 2)
    for part in ("train", "val"):
        np.save(path / f"{part}_data_joint.npy", x)
        np.save(path / f"{part}_num_frame.npy", np.array([4, 6]))
        names = [f"S001C001P00{n}R001A002.skeleton" for n in (1, 2)]
        (path / f"{part}_label.pkl").write_bytes(pickle.dumps((names, [0, 1.0])))


def pyskl_data(two: bool = True) -> dict:
    """Two clips in 2D, or in 3D."""
    items = []
    for n, name in enumerate(("a", "b")):
        item = {"frame_dir": name, "label": n, "total_frames": 3 + n}
        keypoint = np.random.default_rng(n).uniform(10, 200, (1 + n, 3 + n, 17 if two else 25, 2 if two else 3))
        item["keypoint"] = keypoint.astype(np.float16)
        if two:
            item |= {"keypoint_score": np.full(keypoint.shape[:3], 0.5, np.float16), "img_shape": (240, 320)}
        items.append(item)
    return {"split": {"xsub_train": ["a"], "xsub_val": ["b"]}, "annotations": items}


def _pyskl(path: Path) -> None:
    (path / "a.pkl").write_bytes(pickle.dumps(pyskl_data(), 4))


def _pyskl_3d(path: Path) -> None:
    (path / "a.pkl").write_bytes(pickle.dumps(pyskl_data(two=False), 4))


def _pyskl_kinetics(path: Path) -> None:
    notes, raw = [], {}
    for n, name in enumerate(("a", "b")):
        count = 7 + n
        note = {"frame_dir": name, "label": n, "total_frames": 3, "raw_file": "/there/raw.pkl", "img_shape": (240, 320)}
        note |= {"frame_inds": np.sort(np.arange(count, dtype=np.uint16) % 3)}
        notes.append(note | {"box_score": np.linspace(0.4, 1, count).astype(np.float16), "valid": {0.5: 3}})
        raw[name] = {"keypoint": np.random.default_rng(n).uniform(1, 200, (count, 17, 3)).astype(np.float16)}
    (path / "a.pkl").write_bytes(pickle.dumps({"split": {"train": ["a"], "val": ["b"]}, "annotations": notes}, 4))
    (path / "raw.pkl").write_bytes(pickle.dumps(raw, 4))


def ma52_annotation(name: str, label: int, frames: int = 3) -> dict:
    keypoint = np.random.default_rng(label).uniform(10, 200, (1, frames, 28, 2)).astype(np.float16)
    return {"frame_dir": name, "label": label, "total_frames": frames, "img_shape": (240, 320), "keypoint": keypoint,
            "keypoint_score": np.full(keypoint.shape[:3], 0.5, np.float16)}  # fmt: skip


def _ma52(path: Path) -> None:
    for split, label in (("train", 9), ("val", 51), ("test", 0)):
        clips = [ma52_annotation(f"{split}_{n}", label) for n in range(2)]
        (path / f"MA52_{split}.pkl").write_bytes(pickle.dumps(clips, 4))
        lines = "".join(f"{split}_{n}.mp4 {label}\n" for n in range(2))
        (path / f"{split}_list_videos.txt").write_text(lines)


def _pku(path: Path) -> None:
    (path / "skeleton").mkdir()
    (path / "label").mkdir()
    for name in ("0002-L", "0003-M"):
        rows = walk(8, 50).reshape(8, 150)
        (path / "skeleton" / f"{name}.txt").write_text("\n".join(" ".join(f"{v:.5f}" for v in row) for row in rows))
        (path / "label" / f"{name}.txt").write_text("3,1,4,2\n51,5,8,1\n")
    (path / "cross_subject_v2.txt").write_text("Training videos:\n0002-L, \nValidation videos:\n0003-M\n")


def _nwucla(path: Path) -> None:
    data = {"file_name": "a08_s02_e01_v03", "skeletons": walk(2, 20).tolist(), "label": 7}
    (path / "a08_s02_e01_v03.json").write_text(json.dumps(data))


def _shrec(path: Path) -> None:
    folder = path / "gesture_2/finger_1/subject_3/essai_4"
    folder.mkdir(parents=True)
    rows = walk(3, 22).reshape(3, 66)
    (folder / "skeletons_world.txt").write_text("\n".join(" ".join(f"{v:.6f}" for v in row) for row in rows) + "\n")
    (path / "train_gestures.txt").write_text("2 1 3 4 2 3 3\n")


def _ntux(path: Path) -> None:
    for split in ("train", "test"):
        (path / split).mkdir()
        names = [f"S001C00{c}P001R001A002" for c in (1, 2)]
        (path / f"{split}_label_60.pkl").write_bytes(pickle.dumps([([f"{n}.h5" for n in names], [1, 4]), None]))
        for name in names:
            x = np.zeros((3, 6, 70, 2), np.float32)
            x[:, :4] = walk(12, 70, 2).reshape(3, 4, 70, 2)
            with h5py.File(path / split / f"{name}.h5", "w") as file:
                file["a"], file["skel"] = np.zeros(3), x


def people(*persons: np.ndarray) -> dict:
    return {"people": [{"pose_keypoints_2d": p.ravel().tolist()} for p in persons]}


def _openpose(path: Path) -> None:
    (path / "clip").mkdir()
    for t in range(3):
        text = json.dumps(people(*[walk(1, 25, 3, t)[0]] * (t % 2 + 1)))
        (path / "clip" / f"clip_{t:012d}_keypoints.json").write_text(text)


def _coco(path: Path) -> None:
    entries = [{"image_id": t, "keypoints": walk(1, 17, 3, t).ravel().tolist(), "score": 0.9} for t in (1, 2, 4)]
    (path / "clip.json").write_text(json.dumps(entries))


def _one_file(path: Path) -> None:
    (path / "clip.json").write_text(json.dumps({"frames": [people(walk(1, 25, 3, t)[0]) for t in range(3)]}))


def _coco_images(path: Path) -> None:
    entries = [{"image_id": n, "keypoints": walk(1, 17, 3).ravel().tolist()} for n in (7, 9, 9)]
    (path / "clip.json").write_text(json.dumps({"images": [{"id": n} for n in (7, 8, 9)], "annotations": entries}))


def _kinetics(path: Path) -> None:
    person = {"pose": walk(1, 18, 2).ravel().tolist(), "score": [0.5] * 18}
    data = {"data": [{"frame_index": t, "skeleton": [person]} for t in (1, 3)], "label": "abseiling", "label_index": 0}
    (path / "kinetics_train").mkdir()
    (path / "kinetics_train" / "v1.json").write_text(json.dumps(data))
    table = {"v1": {"has_skeleton": True, "label": "abseiling", "label_index": 0}}
    (path / "kinetics_train_label.json").write_text(json.dumps(table))


def _humanml3d(path: Path) -> None:
    (path / "new_joints").mkdir()
    (path / "texts").mkdir()
    np.save(path / "new_joints" / "000001.npy", walk(5, 22))
    (path / "texts" / "000001.txt").write_text("a man waves.#a/DET man/NOUN wave/VERB#0.0#0.0\nhe#he/PRON#0.05#0.15\n")
    (path / "train.txt").write_text("000001\n")


def _humanml3d_vectors(path: Path) -> None:
    _humanml3d(path)
    (path / "new_joint_vecs").mkdir()
    np.save(path / "new_joint_vecs" / "000001.npy", np.random.default_rng(0).normal(size=(5, 263)).astype(np.float32))
    np.save(path / "Mean.npy", np.zeros(263, np.float32))
    np.save(path / "Std.npy", np.ones(263, np.float32))


def _events(path: Path, name: str) -> None:
    (path / "event_texts").mkdir()
    for i, events in enumerate((["a man bends", "a man waves"], ["he"])):
        (path / "event_texts" / f"{name}_{i}.json").write_text(json.dumps({"events": events}))


def _humanml3d_events(path: Path) -> None:
    _humanml3d(path)
    _events(path, "000001")
    (path / "nsim_test.txt").write_text("000001\n")


def _tmr(path: Path, columns: int = 263) -> None:
    (path / "motions" / "guoh3dfeats" / "CMU").mkdir(parents=True)
    motion = np.random.default_rng(0).normal(size=(60, columns)).astype(np.float32)
    np.save(path / "motions" / "guoh3dfeats" / "CMU" / "01.npy", motion)
    told = [{"seg_id": "a_0", "text": "a man bends and waves", "start": 0.5, "end": 2.5},
            {"seg_id": "a_1", "text": "he  waves", "start": 1.0, "end": 2.0}]  # fmt: skip
    keys = {"a": {"path": "CMU/01", "duration": 2.0, "annotations": told}}
    (path / "annotations.json").write_text(json.dumps(keys))
    (path / "splits").mkdir()
    (path / "splits" / "train.txt").write_text("a\n")
    (path / "splits" / "nsim_test.txt").write_text("a\n")
    _events(path, "a")


def _kitml(path: Path) -> None:
    _humanml3d(path)
    np.save(path / "new_joints" / "000001.npy", walk(5, 21))


def _tsu(path: Path) -> None:
    (path / "poses").mkdir()
    frames = [[{"pose2d": walk(1, 13, 2).ravel().tolist(), "pose3d": walk(1, 13).ravel().tolist()}] for _ in range(4)]
    (path / "poses" / "P11T15C01_pose3d.json").write_text(json.dumps({"frames": frames}))
    table = {"P11T15C01": {"subset": "training", "duration": 40, "actions": [[3, 10, 20], [5, 15, 30]]}}
    (path / "smarthome_CS_51.json").write_text(json.dumps(table))


def _charades(path: Path) -> None:
    (path / "poses").mkdir()
    np.save(path / "poses" / "AB12C.npy", walk(6, 17)[:, None])
    header = "id,subject,scene,quality,relevance,verified,script,objects,descriptions,actions,length\n"
    row = 'AB12C,XYZ1,Kitchen,6,7,Yes,"A person, who cooks.",pan,cooking,c092 11.90 21.20;c147 0.00 12.60,24.83\n'
    (path / "Charades_v1_train.csv").write_text(header + row)


def _charades_json(path: Path) -> None:
    _charades(path)
    table = {"AB12C": {"subset": "training", "duration": 24.8, "actions": [[3, 1.0, 2.5], [5, 2, 30.0]]}}
    (path / "charades.json").write_text(json.dumps(table))
    (path / "Charades_v1_classes.txt").write_text("".join(f"c{k:03d} do thing {k}\n" for k in range(157)))


def _pybullet(path: Path) -> None:
    still = [1, 0, 0, 0]
    arm, leg = [*still, 0.1], [*still, 0.2, *still]
    frame = [0.05, 0, 1, 0, *still, *still, *still, *leg, *arm, *leg, *arm]
    (path / "humanoid3d_walk.txt").write_text(json.dumps({"Loop": "wrap", "Frames": [frame, frame, [0, *frame[1:]]]}))


def _posetics(path: Path) -> None:
    for part, label in (("train", 3), ("val", 319)):
        (path / f"posetics_{part}").mkdir()
        frames = [[{"pose2d": (100 * walk(1, 13, 2)).ravel().tolist(), "pose3d": walk(1, 13).ravel().tolist()}], []]
        (path / f"posetics_{part}" / f"AB-_C{part:_>6}_000012_000022.json").write_text(json.dumps({"frames": frames}))
        table = {f"AB-_C{part:_>6}": {"label_index": label, "label": f"do {label}", "has_skeleton": True}}
        (path / f"posetics_{part}_label.json").write_text(json.dumps(table))


def _mixamo(path: Path) -> None:
    for n, place in enumerate(("train/Kaya/Wave/Wave", "test/Ty/Jump High/motions/2", "test/Ty/Jump High/motions/10")):
        (path / place).parent.mkdir(parents=True, exist_ok=True)
        np.save(path / f"{place}.npy", walk(5, 15, seed=n).transpose(1, 2, 0))


def _bvh(path: Path) -> None:
    (path / "a.bvh").write_text(BVH)


CASES: dict[str, Case] = {
    "ntu": Case(_ntu, "S001C002P003R002A013.skeleton", lambda p: everything(ntu.ntu60(p))),
    "ntu agcn": Case(_ntu, "S001C002P003R002A013.skeleton", lambda p: everything(ntu.ntu120(p, bodies="agcn"))),
    "ntu pyskl": Case(
        _ntu, "S001C002P003R002A013.skeleton", lambda p: everything(ntu.ntu60(p, bodies="pyskl", keep_gaps=True))
    ),
    "ntu missing": Case(_ntu_missing, ntu.MISSING[0], lambda p: everything(ntu.ntu60(p))),
    "ctrgcn compressed": Case(_ctrgcn_compressed, "a.npz", lambda p: everything(ctrgcn.ctrgcn(p / "a.npz"))),
    "ctrgcn": Case(_ctrgcn, "a.npz", lambda p: everything(ctrgcn.ctrgcn(p / "a.npz"))),
    "agcn data": Case(_agcn, "val_data_joint.npy", lambda p: everything(agcn.agcn(p))),
    "agcn label": Case(_agcn, "train_label.pkl", lambda p: everything(agcn.agcn(p))),
    "agcn frames": Case(_agcn, "train_num_frame.npy", lambda p: everything(agcn.agcn(p))),
    "pyskl": Case(_pyskl, "a.pkl", lambda p: everything(pyskl.pyskl(p / "a.pkl"))),
    "ma52": Case(_ma52, "MA52_val.pkl", lambda p: everything(ma52.ma52(p))),
    "ma52 list": Case(_ma52, "train_list_videos.txt", lambda p: everything(ma52.ma52(p))),
    "pyskl 3d": Case(_pyskl_3d, "a.pkl", lambda p: everything(pyskl.pyskl(p / "a.pkl"))),
    "pyskl kinetics": Case(_pyskl_kinetics, "a.pkl", lambda p: everything(pyskl.pyskl(p / "a.pkl"))),
    "pyskl raw": Case(_pyskl_kinetics, "raw.pkl", lambda p: everything(pyskl.pyskl(p / "a.pkl"))),
    "pku skeleton": Case(_pku, "skeleton/0003-M.txt", lambda p: everything(pku.pku(p))),
    "pku label": Case(_pku, "label/0002-L.txt", lambda p: everything(pku.pku(p, instances=True))),
    "pku split": Case(_pku, "cross_subject_v2.txt", lambda p: everything(pku.pku(p))),
    "nwucla": Case(_nwucla, "a08_s02_e01_v03.json", lambda p: everything(nwucla.nwucla(p))),
    "shrec": Case(
        _shrec,
        "gesture_2/finger_1/subject_3/essai_4/skeletons_world.txt",
        lambda p: everything(shrec.shrec(p)),
    ),
    "shrec list": Case(_shrec, "train_gestures.txt", lambda p: everything(shrec.shrec(p, gestures=28))),
    "ntux": Case(_ntux, "test/S001C002P001R001A002.h5", lambda p: everything(ntux.ntux(p))),
    "ntux label": Case(_ntux, "test_label_60.pkl", lambda p: everything(ntux.ntux(p))),
    "openpose": Case(_openpose, "clip/clip_000000000001_keypoints.json", lambda p: everything(openpose.keypoints(p))),
    "coco": Case(_coco, "clip.json", lambda p: everything(openpose.keypoints(p))),
    "openpose one file": Case(_one_file, "clip.json", lambda p: everything(openpose.keypoints(p))),
    "coco images": Case(_coco_images, "clip.json", lambda p: everything(openpose.keypoints(p))),
    "kinetics": Case(_kinetics, "kinetics_train/v1.json", lambda p: everything(openpose.kinetics(p))),
    "kinetics label": Case(_kinetics, "kinetics_train_label.json", lambda p: everything(openpose.kinetics(p))),
    "humanml3d motion": Case(_humanml3d, "new_joints/000001.npy", lambda p: everything(humanml3d.humanml3d(p))),
    "humanml3d text": Case(_humanml3d, "texts/000001.txt", lambda p: everything(humanml3d.humanml3d(p))),
    "humanml3d split": Case(_humanml3d, "train.txt", lambda p: everything(humanml3d.humanml3d(p))),
    "humanml3d vectors": Case(
        _humanml3d_vectors, "new_joint_vecs/000001.npy", lambda p: everything(humanml3d.humanml3d(p, vectors=True))
    ),
    "humanml3d events": Case(
        _humanml3d_events, "event_texts/000001_0.json", lambda p: everything(humanml3d.humanml3d(p))
    ),
    "tmr annotations": Case(_tmr, "annotations.json", lambda p: everything(tmr.tmr(p))),
    "tmr motion": Case(_tmr, "motions/guoh3dfeats/CMU/01.npy", lambda p: everything(tmr.tmr(p))),
    "tmr split": Case(_tmr, "splits/train.txt", lambda p: everything(tmr.tmr(p))),
    "tmr events": Case(_tmr, "event_texts/a_1.json", lambda p: everything(tmr.tmr(p))),
    "humanml3d statistics": Case(_humanml3d_vectors, "Std.npy", humanml3d.read_statistics),
    "kitml": Case(_kitml, "new_joints/000001.npy", lambda p: everything(humanml3d.kitml(p))),
    "tsu table": Case(_tsu, "smarthome_CS_51.json", lambda p: everything(segments.tsu(p))),
    "tsu poses": Case(_tsu, "poses/P11T15C01_pose3d.json", lambda p: everything(segments.tsu(p))),
    "lcrnet": Case(
        _tsu,
        "poses/P11T15C01_pose3d.json",
        lambda p: lcrnet.read_poses(p / "poses" / "P11T15C01_pose3d.json", 2, 1, (640, 480)),
    ),
    "charades table": Case(_charades, "Charades_v1_train.csv", lambda p: everything(segments.charades(p))),
    "charades poses": Case(_charades, "poses/AB12C.npy", lambda p: everything(segments.charades(p))),
    "charades json": Case(_charades_json, "charades.json", lambda p: everything(segments.charades(p))),
    "charades classes": Case(_charades_json, "Charades_v1_classes.txt", lambda p: everything(segments.charades(p))),
    "pybullet": Case(
        _pybullet,
        "humanoid3d_walk.txt",
        lambda p: pybullet.load(p / "humanoid3d_walk.txt").resample(30).positions(),
    ),
    "posetics": Case(
        _posetics, "posetics_val/AB-_C___val_000012_000022.json", lambda p: everything(posetics.posetics(p))
    ),
    "posetics label": Case(_posetics, "posetics_train_label.json", lambda p: everything(posetics.posetics(p))),
    "mixamo": Case(_mixamo, "train/Kaya/Wave/Wave.npy", lambda p: everything(mixamo.mixamo(p))),
    "bvh": Case(_bvh, "a.bvh", lambda p: everything(bvh.bvh(p))),
}
"""Name to case."""
