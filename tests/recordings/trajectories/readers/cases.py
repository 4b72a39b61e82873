"""One small whole data set of every format of tracks, to be checked and to be damaged."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acteme.recordings.recording import Listing
from acteme.recordings.trajectories.readers import ethucy, mot, motsynth, sdd, table, trajnet, wildtrack

FRAMES = 6
FOLDER = "annotations_positions"


@dataclass(frozen=True)
class Case:
    """A format."""

    files: Callable[[Path], None]
    """Writes the whole files into a folder."""
    victim: str
    """The file to damage."""
    list: Callable[[Path], Listing]

    def read(self, folder: Path) -> list:
        """Every recording; the first problem is raised."""
        listing = self.list(folder)
        if listing.problems:
            raise listing.problems[0]
        return [item.read() for item in listing.items]


def ways() -> dict[int, np.ndarray]:
    """Where two people are, (FRAMES, 2)."""
    steps = np.arange(FRAMES)[:, None]
    return {1: 20 + steps * [2.0, 1.0], 2: 90 + steps * [-3.0, 0.5]}


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def boxes(x: float, y: float) -> tuple[float, float, float, float]:
    """Left, top, width and height of who stands at (x, y)."""
    return x - 5, y - 30, 10, 30


def write_ethucy(folder: Path) -> None:
    rows = [f"{10.0 * t}\t{who}.0\t{x / 10}\t{y / 10}" for who, way in ways().items() for t, (x, y) in enumerate(way)]
    put(folder / "test" / "biwi_eth.txt", "\n".join(rows) + "\n")
    put(folder / "train" / "crowds_zara01_train.txt", "\n".join(rows) + "\n")


def write_mot(folder: Path) -> None:
    rows = [f"{t + 1},{who},{','.join(map(str, boxes(x, y)))},1,1,0.9"
            for who, way in ways().items() for t, (x, y) in enumerate(way)]  # fmt: skip
    rows += ["1,9,1,1,5,5,1,3,1", "1,8,1,1,5,5,0,1,1"]
    for name in ("MOT17-02-DPM", "MOT17-02-SDP", "MOT17-13-SDP"):
        put(folder / "train" / name / "gt" / "gt.txt", "\n".join(rows) + "\n")
        info = "[Sequence]\nname=x\nframeRate=2.5\nseqLength=6\nimWidth=200\nimHeight=100\nimExt=.jpg\n"
        put(folder / "train" / name / "seqinfo.ini", info)


def write_motsynth(folder: Path) -> None:
    images = [{"id": 100 + t, "file_name": f"000/rgb/{t:04d}.jpg", "width": 200, "height": 100}
              for t in range(FRAMES)]  # fmt: skip
    seen = [(who, t, xy) for who, way in ways().items() for t, xy in enumerate(way)]
    found = [{"id": n, "image_id": 100 + t, "ped_id": who, "bbox": list(boxes(*xy)), "keypoints": []}
             for n, (who, t, xy) in enumerate(seen)]  # fmt: skip
    put(folder / "000.json", json.dumps({"images": images, "annotations": found, "info": {"is_moving": 0}}))


def write_wildtrack(folder: Path) -> None:
    for t in range(FRAMES):
        people = []
        for who, way in ways().items():
            left, top, width, height = boxes(*way[t])
            seen = {"viewNum": 0, "xmin": left, "ymin": top, "xmax": left + width, "ymax": top + height}
            hidden = {"viewNum": 1, "xmin": -1, "ymin": -1, "xmax": -1, "ymax": -1}
            people.append({"personID": who, "positionID": 7, "views": [seen, hidden]})
        put(folder / FOLDER / f"{5 * t:08d}.json", json.dumps(people))


def write_sdd(folder: Path) -> None:
    rows = [f'{who} {x - 5} {y - 5} {x + 5} {y + 5} {12 * t} 0 0 0 "Pedestrian"'
            for who, way in ways().items() for t, (x, y) in enumerate(way)]  # fmt: skip
    rows += ['7 0 0 180 90 0 0 0 0 "Biker"', '1 0 0 1 1 72 1 0 0 "Pedestrian"']
    put(folder / "gates" / "video0" / "annotations.txt", "\n".join(rows) + "\n")


def write_trajnet(folder: Path) -> None:
    lines = [{"scene": {"id": 0, "p": 1, "s": 0, "e": 50, "fps": 2.5}}]
    lines += [{"track": {"f": 10 * t, "p": who, "x": x / 10, "y": y / 10}}
              for who, way in ways().items() for t, (x, y) in enumerate(way)]  # fmt: skip
    put(folder / "train" / "biwi_hotel.ndjson", "\n".join(map(json.dumps, lines)) + "\n")


def write_table(folder: Path) -> None:
    rows = [f"yard,p{who},{t * 0.4:.1f},{x},{y}" for who, way in ways().items() for t, (x, y) in enumerate(way)]
    put(folder / "own.csv", "scene,agent,time,x,y\n" + "\n".join(rows) + "\n")


CASES = {
    "ethucy": Case(write_ethucy, "test/biwi_eth.txt", ethucy.ethucy),
    "mot": Case(write_mot, "train/MOT17-02-DPM/gt/gt.txt", lambda p: mot.mot(p, fps=2.5)),
    "mot info": Case(write_mot, "train/MOT17-02-DPM/seqinfo.ini", mot.mot),
    "motsynth": Case(write_motsynth, "000.json", lambda p: motsynth.motsynth(p, rate=2.5)),
    "wildtrack": Case(
        write_wildtrack, "annotations_positions/00000005.json", lambda p: wildtrack.wildtrack(p, fps=2.0)
    ),
    "sdd": Case(write_sdd, "gates/video0/annotations.txt", sdd.sdd),
    "trajnet": Case(write_trajnet, "train/biwi_hotel.ndjson", trajnet.trajnet),
    "table": Case(write_table, "own.csv", table.table),
}
