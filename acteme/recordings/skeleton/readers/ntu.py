"""NTU RGB+D and NTU RGB+D 120: the `.skeleton` text files, how two bodies are chosen from them, and the splits.

The data sets (Shahroudy et al., CVPR 2016; Liu et al., TPAMI 2019) come as one text file per clip, see `ntu_file`: x,
y, z in metres (y up, z away from the camera), 30 frames per second.

Checked: on the names of all 113,945 usable clips the splits have the published sizes, which `ntu60` and `ntu120` name.
"""

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.bodies import Selection, select
from acteme.recordings.skeleton.readers.files import ACCESS
from acteme.recordings.skeleton.readers.names import NTU60, NTU120
from acteme.recordings.skeleton.readers.ntu_file import JOINTS, parse
from acteme.recordings.spec import Spec

FPS = 30.0
NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")
# fmt: off
TRAIN_SUBJECTS = frozenset((
    1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38,
    45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89, 91, 92, 93, 94, 95,
    97, 98, 100, 103,
))
# fmt: on
"""Cross-subject training performers; those of NTU RGB+D are the ones up to 40."""
TRAIN_CAMERAS = frozenset((2, 3))
MISSING = ("NTU_RGBD_samples_with_missing_skeletons.txt", "NTU_RGBD120_samples_with_missing_skeletons.txt")
"""The data set's own lists of clips without a usable skeleton: 302 of NTU RGB+D, 535 of NTU RGB+D 120 in all."""


@dataclass(frozen=True)
class Clip:
    """What a file name `SsssCcccPpppRrrrAaaa` says."""

    setup: int
    """Setup number, from 1."""
    camera: int
    """Camera, 1 to 3."""
    performer: int
    """Performer, from 1."""
    replication: int
    """Replication, 1 or 2."""
    action: int
    """Action, 1 to 120."""


def parse_name(name: str) -> Clip | None:
    """The clip that a file name denotes, or None where it is not one of the data set's names."""
    found = NAME.search(name)
    return Clip(*map(int, found.groups())) if found else None


def split_of(clip: Clip, protocol: Literal["xsub", "xview", "xset"]) -> str:
    """`train` or `test` by the cross-subject, cross-view (NTU 60) or cross-setup (NTU 120) protocol."""
    if protocol == "xsub":
        train = clip.performer in TRAIN_SUBJECTS
    elif protocol == "xview":
        train = clip.camera in TRAIN_CAMERAS
    elif protocol == "xset":
        train = clip.setup % 2 == 0
    else:
        raise InputError(f"unknown protocol '{protocol}'", mend="use xsub, xview or xset")
    return "train" if train else "test"


def read_skeleton(path: Path, bodies: Selection = "ctrgcn", keep_gaps: bool = False) -> Recording:
    """Reads a `.skeleton` file: two bodies, (T, 2, 25, 3) in metres, and what its name says.

    Args:
        bodies: how the two are chosen, see `bodies.select`.
        keep_gaps: see `bodies.select`.

    Raises InputError where the file is broken or no frame has a body.
    """
    path = Path(path)
    skeleton = select(parse(path), bodies, keep_gaps)
    if not skeleton.any():
        raise InputError("no frame has a body", path,
                         "leave it out: the data set lists such clips as missing skeletons")  # fmt: skip
    clip = parse_name(path.name)
    if clip is None:
        return Recording(path.stem, FPS, {"skeleton": skeleton})
    return Recording(
        name=path.stem,
        fps=FPS,
        arrays={"skeleton": skeleton},
        label=NTU120[clip.action - 1] if 1 <= clip.action <= len(NTU120) else "",
        subject=f"P{clip.performer:03d}",
        camera=f"C{clip.camera:03d}",
        factors={"setup": clip.setup, "replication": clip.replication},
    )


# --- the data set ----------------------------------------------------------------------------------------------------


def missing_names(path: Path) -> frozenset[str]:
    """The clip names in one of the data set's lists of missing skeletons. Raises InputError where it lists none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, ACCESS) from error
    names = frozenset(found.group() for found in NAME.finditer(text))
    if not names:
        raise InputError("names no clip", path, "give the data set's list of samples with missing skeletons")
    return names


def ntu60(
    path: Path,
    protocol: Literal["xsub", "xview"] = "xsub",
    bodies: Selection = "ctrgcn",
    missing: str = "",
    keep_gaps: bool = False,
) -> Listing:
    """NTU RGB+D: 56,880 clips of 60 actions; 56,578 with usable skeletons.

    Args:
        path: folder with the `.skeleton` files, at any depth. Clips of actions 61 to 120 are left out.
        protocol: `xsub` (cross-subject: 40,091 train, 16,487 test) or `xview` (cross-view: 37,646 and 18,932).
        bodies: how two bodies are chosen, see `bodies.select`.
        missing: the list of samples with missing skeletons; empty looks for the data set's own file names in the folder
            and beside it. Listed clips are left out.
        keep_gaps: see `bodies.select`.
    """
    if protocol not in ("xsub", "xview"):
        raise InputError(f"unknown protocol '{protocol}'", mend="use xsub or xview for NTU RGB+D")
    return _listing(Path(path), NTU60, protocol, bodies, missing, keep_gaps)


def ntu120(
    path: Path,
    protocol: Literal["xsub", "xset"] = "xsub",
    bodies: Selection = "ctrgcn",
    missing: str = "",
    keep_gaps: bool = False,
) -> Listing:
    """NTU RGB+D 120: 114,480 clips of 120 actions; 113,945 with usable skeletons.

    Args:
        path: folder with the `.skeleton` files of both parts, at any depth.
        protocol: `xsub` (cross-subject: 63,026 train, 50,919 test) or `xset` (cross-setup: 54,468 and 59,477).
        bodies: see `ntu60`.
        missing: see `ntu60`.
        keep_gaps: see `ntu60`.
    """
    if protocol not in ("xsub", "xset"):
        raise InputError(f"unknown protocol '{protocol}'", mend="use xsub or xset for NTU RGB+D 120")
    return _listing(Path(path), NTU120, protocol, bodies, missing, keep_gaps)


def _listing(
    path: Path,
    classes: tuple[str, ...],
    protocol: Literal["xsub", "xview", "xset"],
    bodies: Selection,
    missing: str,
    keep_gaps: bool,
) -> Listing:
    if not path.is_dir():
        raise InputError("is not a folder", path, "give the folder with the .skeleton files")
    files = sorted(path.rglob("*.skeleton"), key=lambda file: file.name)
    places = [Path(missing)] if missing else [folder / name for folder in (path, path.parent) for name in MISSING]
    lists = places if missing else [place for place in places if place.is_file()]
    bad: frozenset[str] = frozenset().union(*map(missing_names, lists))
    kept: list[tuple[Path, Clip]] = []
    strange, dropped = 0, 0
    for file in files:
        clip = parse_name(file.stem)
        if clip is None:
            strange += 1
        elif 1 <= clip.action <= len(classes):
            if file.stem in bad:
                dropped += 1
            else:
                kept.append((file, clip))
    if not kept:
        raise InputError(
            "holds no clip named like S001C001P001R001A001.skeleton",
            path,
            "give the folder that holds the .skeleton files",
        )
    notes = [f"{dropped} clips that {' and '.join(f.name for f in lists)} lists as without usable skeleton left out; "
             f"{len(kept)} remain"] if lists else [
        f"no list of samples with missing skeletons ({MISSING[0]}) in or beside {path}: clips without a body are errors"
    ]  # fmt: skip
    if strange:
        notes.append(f"{strange} .skeleton files with other names left out")
    items = [Item(f.stem, str(f), partial(_read, f, split_of(c, protocol), bodies, keep_gaps)) for f, c in kept]
    spec = Spec(layout="ntu25", joints=JOINTS, persons=2, channels=3, classes=classes, fps=FPS)
    return Listing(spec, items, [f for f, _ in kept] + places, notes=notes)


def _read(file: Path, split: str, bodies: Selection, keep_gaps: bool) -> Recording:
    return replace(read_skeleton(file, bodies, keep_gaps), split=split)
