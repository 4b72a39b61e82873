"""Northwestern-UCLA Multiview Action 3D (Wang et al., CVPR 2014), as the JSON files that CTR-GCN and its heirs use.

`all_sqe/aAA_sSS_eEE_vVV.json` holds `{"file_name": ..., "skeletons": [T][20][3], "label": ...}`: one person, Kinect v1,
metres. The action numbers 1, 2, 3, 4, 5, 6, 8, 9, 11, 12 are labels 1 to 10. Views 1 and 2 train, view 3 tests.
"""

import re
from functools import partial
from pathlib import Path

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers import files
from acteme.recordings.skeleton.readers.files import AGAIN
from acteme.recordings.skeleton.readers.names import NWUCLA10
from acteme.recordings.spec import Spec

ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
FPS = 30.0
JOINTS = 20
NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_v(\d\d)")


def read_json(path: Path) -> Recording:
    """Reads one clip: skeleton (T, 1, 20, 3) in metres, T >= 1.

    Raises InputError where the file is no such JSON or names an action that the data set does not have.
    """
    path = Path(path)
    data = files.read_json(path)
    if not isinstance(data, dict) or "skeletons" not in data:
        raise InputError('has no "skeletons"', path, "give a file of the data set's all_sqe folder")
    skeleton = files.numbers(data["skeletons"], path, '"skeletons"')
    if skeleton.ndim != 3 or skeleton.shape[1:] != (JOINTS, 3) or not len(skeleton):
        raise InputError(f'"skeletons" has shape {skeleton.shape}, expected (frames, {JOINTS}, 3)', path, AGAIN)
    found = NAME.search(path.stem)
    arrays = {"skeleton": skeleton[:, None]}
    if not found:
        label = data.get("label")
        if not isinstance(label, int) or not 1 <= label <= len(NWUCLA10):
            return Recording(path.stem, FPS, arrays)
        return Recording(path.stem, FPS, arrays, label=NWUCLA10[label - 1])
    action, subject, _, view = map(int, found.groups())
    if action not in ACTIONS:
        raise InputError(
            f"action {action} is not one of the data set's ({', '.join(map(str, ACTIONS))})",
            path,
            "correct the name of the file",
        )
    return Recording(
        name=path.stem,
        fps=FPS,
        arrays=arrays,
        label=NWUCLA10[ACTIONS.index(action)],
        split="test" if view == 3 else "train",
        subject=f"s{subject:02d}",
        camera=f"v{view:02d}",
    )


def nwucla(path: Path) -> Listing:
    """Northwestern-UCLA: 1,484 clips of 10 actions (1,020 of views 1 and 2 train, 464 of view 3 test).

    Args:
        path: the folder `all_sqe`, or one that has it at any depth.
    """
    path = Path(path)
    found = sorted((file for file in path.rglob("*.json") if NAME.fullmatch(file.stem)), key=lambda file: file.name)
    if not found:
        raise InputError("holds no clip named like a01_s01_e00_v01.json", path, "give the folder all_sqe")
    items = [Item(file.stem, str(file), partial(read_json, file)) for file in found]
    return Listing(Spec("kinect20", JOINTS, 1, 3, NWUCLA10, FPS), items, found)
