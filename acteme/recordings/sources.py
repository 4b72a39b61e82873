"""Where recordings come from: the table of sources, and `open_data`, which opens any of them.

Data is named by a string: `NAME`, `NAME:PATH` or `PATH`, each with options, as in `ntu60:/data/nturgbd?protocol=xview`.
A path alone is a folder with `annotations.csv` (your own data), a corpus folder that `acteme data convert` wrote, one
media file, or a table whose columns are those of a log or of tracks. Some options every data set has (see `common`):
they have no part in what the cache keeps.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from acteme.errors import DataWarning, InputError
from acteme.recordings.cache import and_more, cached
from acteme.recordings.corpus import Corpus
from acteme.recordings.longtail import options as thinning
from acteme.recordings.options import coerce_options, options_of, parse_options
from acteme.recordings.recording import Listing
from acteme.recordings.watching import Progress

READERS = "acteme.recordings.skeleton.readers"
TRACKS = "acteme.recordings.trajectories.readers"
LOGS = "acteme.recordings.behavior.readers"
DOCUMENTS = "acteme.recordings.documents.readers"
HOSTS = "acteme.recordings.events"
WORLDS = "acteme.recordings.worlds"


@dataclass(frozen=True)
class Source:
    """A way to get recordings."""

    target: str
    """`module:function`, imported on first use."""
    needs_path: bool
    """Whether it reads a path; a world does not."""
    about: str
    """What it is, in a line."""

    def function(self) -> Callable[..., Listing | Corpus]:
        """`(path, **options) -> Listing` of a reader, `(**dials) -> Corpus` of a world."""
        module, name = self.target.split(":")
        return getattr(import_module(module), name)


SOURCES: dict[str, Source] = {
    "mocap": Source(f"{WORLDS}.mocap:mocap", False, "untrimmed recordings composed of real motion-capture clips"),
    "stage": Source(f"{WORLDS}.stage:stage", False, "procedural theatre on the NTU skeleton, every factor a dial"),
    "sequences": Source(f"{WORLDS}.sequences:sequences", False, "real movements one after the other, with captions"),
    "crowd": Source(f"{WORLDS}.crowd:crowd", False, "tracks of people who walk through scenes of fixed cameras"),
    "newsroom": Source(f"{WORLDS}.newsroom:newsroom", False, "reports of events, whose arguments are told elsewhere"),
    "shop": Source(f"{WORLDS}.shop:shop", False, "clicks of made-up people, of which it is known what matters"),
    "clips": Source(f"{READERS}.pybullet:pybullet_clips", False, "15 real motion-capture clips, one per class"),
    "folder": Source("acteme.recordings.folder:folder", True, "your own data: annotations.csv next to skeleton files"),
    "file": Source("acteme.recordings.folder:single", True, "one skeleton file as one recording"),
    "ntu60": Source(f"{READERS}.ntu:ntu60", True, "NTU RGB+D, a folder of .skeleton files"),
    "ntu120": Source(f"{READERS}.ntu:ntu120", True, "NTU RGB+D 120, a folder of .skeleton files"),
    "ctrgcn": Source(f"{READERS}.ctrgcn:ctrgcn", True, "NTU as CTR-GCN prepares it, one .npz"),
    "agcn": Source(f"{READERS}.agcn:agcn", True, "NTU as 2s-AGCN prepares it, a folder of .npy and .pkl"),
    "pyskl": Source(f"{READERS}.pyskl:pyskl", True, "a PYSKL annotation file (.pkl)"),
    "ma52": Source(f"{READERS}.ma52:ma52", True, "MA-52, micro-actions of two levels, a folder of .pkl"),
    "pku": Source(f"{READERS}.pku:pku", True, "PKU-MMD, untrimmed"),
    "nwucla": Source(f"{READERS}.nwucla:nwucla", True, "Northwestern-UCLA, a folder of .json files"),
    "ntux": Source(f"{READERS}.ntux:ntux", True, "NTU-X, bodies with fingers, a folder of .h5 files"),
    "shrec": Source(f"{READERS}.shrec:shrec", True, "SHREC'17, hand gestures"),
    "openpose": Source(f"{READERS}.openpose:keypoints", True, "OpenPose output, a folder of .json files per recording"),
    "coco": Source(f"{READERS}.openpose:keypoints", True, "COCO keypoints, a .json file per recording"),
    "kinetics_skeleton": Source(f"{READERS}.openpose:kinetics", True, "Kinetics-Skeleton, folders of .json files"),
    "humanml3d": Source(f"{READERS}.humanml3d:humanml3d", True, "HumanML3D, motions with captions"),
    "kitml": Source(f"{READERS}.humanml3d:kitml", True, "KIT Motion-Language, motions with captions"),
    "tmr": Source(f"{READERS}.tmr:tmr", True, "HumanML3D or KIT-ML as TMR prepares it, with events if there are any"),
    "tsu": Source(f"{READERS}.segments:tsu", True, "Toyota Smarthome Untrimmed: segment .json and poses"),
    "charades": Source(f"{READERS}.segments:charades", True, "Charades: segments and poses"),
    "posetics": Source(f"{READERS}.posetics:posetics", True, "Posetics, LCR-Net poses of 320 classes"),
    "mixamo": Source(f"{READERS}.mixamo:mixamo", True, "Mixamo animations as LAC prepares them, no labels"),
    "bvh": Source(f"{READERS}.bvh:bvh", True, "motion capture, a folder of .bvh files"),
    "tracks": Source(f"{TRACKS}.table:table", True, "your own tracks: a .csv file with scene,agent,time,x,y"),
    "ethucy": Source(f"{TRACKS}.ethucy:ethucy", True, "ETH/UCY pedestrians, .txt files with frame id x y"),
    "mot": Source(f"{TRACKS}.mot:mot", True, "MOT17 and MOT20, folders with gt/gt.txt and seqinfo.ini"),
    "motsynth": Source(f"{TRACKS}.motsynth:motsynth", True, "MOTSynth, a COCO-style .json file per sequence"),
    "wildtrack": Source(f"{TRACKS}.wildtrack:wildtrack", True, "WildTrack, annotations_positions/*.json"),
    "sdd": Source(f"{TRACKS}.sdd:sdd", True, "Stanford Drone Dataset, SCENE/VIDEO/annotations.txt"),
    "trajnet": Source(f"{TRACKS}.trajnet:trajnet", True, "TrajNet++, .ndjson files"),
    "events": Source(f"{LOGS}.events:events", True, "your own log: CSV or Parquet with user,item,timestamp or fields"),
    "skills": Source(f"{LOGS}.skills:skills", True, "your own people and jobs: texts, skills, and who goes with what"),
    "esco": Source(f"{LOGS}.esco:esco", False, "67 ESCO occupations and made-up members, comes along"),
    "ml-100k": Source(f"{LOGS}.movielens:ml_100k", False, "MovieLens-100K, 100,000 ratings of films, comes along"),
    "ml-1m": Source(f"{LOGS}.movielens:movielens", True, "MovieLens 1M or 10M, ratings.dat and movies.dat"),
    "ml-20m": Source(f"{LOGS}.movielens:movielens", True, "MovieLens 20M, 25M or 32M, ratings.csv and movies.csv"),
    "movielens": Source(f"{LOGS}.movielens:movielens", True, "any MovieLens as published, u.data of 100K too"),
    "documents": Source(
        f"{DOCUMENTS}:documents", True, "your own documents: .jsonlines with an event and its arguments"
    ),
    "rams": Source(f"{DOCUMENTS}:rams", True, "RAMS 1.0, events and arguments in five sentences"),
    "wikievents": Source(f"{DOCUMENTS}:wikievents", True, "WikiEvents, long documents with events and coreference"),
    "host": Source(f"{HOSTS}.host:host", False, "calls of programs on this machine, recorded on the spot (Linux)"),
    "strace": Source(f"{HOSTS}.readers:strace", True, "calls of programs, the output of strace"),
    "auditd": Source(f"{HOSTS}.readers:auditd", True, "calls of programs, records of the Linux audit daemon"),
    "polls": Source(f"{HOSTS}.readers:polls", True, "processes and connections as psutil saw them, JSON lines"),
    "amazon": Source(f"{LOGS}.amazon:amazon", True, "Amazon reviews of 2014, 2018 or 2023, .json or .jsonl files"),
    "taobao": Source(f"{LOGS}.taobao:taobao", True, "Taobao UserBehavior.csv: what people looked at and bought"),
    "tmall": Source(f"{LOGS}.taobao:tmall", True, "Tmall (IJCAI-15), user_log_format1.csv"),
    "criteo": Source(f"{LOGS}.clicks:criteo", True, "Criteo display advertising, train.txt"),
    "avazu": Source(f"{LOGS}.clicks:avazu", True, "Avazu mobile advertising, train.gz"),
    "recbole": Source(f"{LOGS}.atomic:recbole", True, "RecBole atomic files, .inter with .item and .user"),
    "rechorus": Source(f"{LOGS}.rechorus:rechorus", True, "ReChorus files: train.csv, dev.csv and test.csv"),
    "elm": Source(f"{LOGS}.questions:elm", True, "questions about items, tasks.jsonl with a log and a catalog"),
    "openp5": Source(f"{LOGS}.questions:openp5", True, "OpenP5: user_sequence.txt, and prompts about users"),
    "histories": Source(f"{LOGS}.histories:histories", True, "a line `user item item ...` per user, as S3-Rec ships"),
}
"""Name to source; the command line and the documentation are driven from it."""


@dataclass(frozen=True)
class Request:
    """A data string, taken apart."""

    name: str
    """A key of `SOURCES`, or `corpus` for a corpus folder."""
    path: Path | None
    """Where it lies; None for a world."""
    options: Mapping[str, str]
    """Options as text."""
    text: str
    """The data string itself, for messages."""


def parse(data: str | Path) -> Request:
    """Takes a data string apart; a `Path` is never taken for the name of a source.

    Raises:
        InputError: no such source or path, a path that is missing or superfluous, or an option without a value.
    """
    text = str(data)
    head, _, query = (text, "", "") if Path(text).exists() else text.partition("?")
    options = parse_options(query, text)
    name, colon, rest = head.partition(":")
    if isinstance(data, Path) or name not in SOURCES:
        if not isinstance(data, Path) and (colon and len(name) > 1 and not Path(head).exists()):  # C:\data is a path
            raise InputError(f"there is no source '{name}'", text, _near(name))
        return _bare(Path(head).expanduser(), options, text)
    source = SOURCES[name]
    if source.needs_path and not rest:
        raise InputError(f"source '{name}' needs a path", text, f"write {name}:PATH")
    if rest and not source.needs_path:
        raise InputError(f"source '{name}' takes no path", text, f"write {name} (the folder is ./{name})")
    path = Path(rest).expanduser() if rest else None
    if path is not None and not path.exists():
        raise InputError("does not exist", path, "correct the path")
    return Request(name, path, options, text)


def _bare(path: Path, options: Mapping[str, str], text: str) -> Request:
    """A path without the name of a source."""
    from acteme.recordings.folder import FORMATS

    if not path.exists():
        raise InputError("there is no such path, and no source of that name", text, _near(text))
    if path.is_dir():
        if (path / "corpus.json").is_file():
            if own := sorted(options.keys() - options_of(common)):
                what = f"a corpus folder has no option '{own[0]}'"
                raise InputError(what, text, "convert the data again with the options of its source")
            return Request("corpus", path, options, text)
        if (path / "annotations.csv").is_file():
            return Request("folder", path, options, text)
        mend = f"write one, or name its layout as NAME:{path} with NAME one of {', '.join(_readers())}"
        raise InputError("has no annotations.csv", path, mend)
    if table := _table(path):
        return Request(table, path, options, text)
    if path.suffix.lower() in FORMATS:
        return Request("file", path, options, text)
    mend = f"name its layout as NAME:{path}, or convert it to one of {', '.join(FORMATS)}"
    raise InputError(f"cannot tell what a '{path.suffix}' file holds", path, mend)


def _table(path: Path) -> str:
    """The source of a table by the names of its columns; empty where the path is none, or has joints of a body."""
    from acteme.recordings.behavior.readers.events import is_table, known_columns, names_of
    from acteme.recordings.folder.tables import has_joints
    from acteme.recordings.trajectories.readers.table import COLUMNS

    if not is_table(path):
        return ""
    names = names_of(path)
    if has_joints(names):
        return ""
    if set(COLUMNS) <= {name.lower() for name in names}:
        return "tracks"
    found = known_columns(names)
    if "user" in found and "item" in found:
        return "events"
    mend = f"of a log say events:{path}, and which columns are its users and items where others: ?user=NAME&item=NAME"
    raise InputError(f"cannot tell what the columns {', '.join(names)} hold", path, mend)


def _readers() -> list[str]:
    return [n for n, source in SOURCES.items() if source.needs_path and n not in ("folder", "file")]


def _near(name: str) -> str:
    near = get_close_matches(name, SOURCES, 3, 0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"sources: {', '.join(SOURCES)}"


class Common(NamedTuple):
    """What the options that every data set has ask for."""

    skip_bad: bool
    """Leave out what cannot be read."""
    choose: Callable[[Corpus], Corpus]
    """Gives the part of a corpus that is asked for."""


def common(
    skip_bad: bool = False, imbalance: float | None = None, most: int | None = None, longtail: Path | None = None
) -> Common:
    """Every data set takes these, besides its own options. All but the first thin out the training recordings.

    Args:
        skip_bad: leave out what cannot be read, recordings or rows of a table, and say how much that is.
        imbalance: how many times as many training recordings the first class keeps as the last, the classes between
            them on an exponential; recordings without a class are left out. 100 is usual.
        most: with `imbalance`: how many the first class keeps; by default as many as the recordings allow.
        longtail: a file of names, one a line: the training recordings to keep, such as the published lists of a
            long-tailed benchmark.

    Raises:
        InputError: options that contradict each other or are out of their range.
    """
    return Common(skip_bad, thinning(imbalance, most, longtail))


def list_data(data: str | Path | Corpus) -> Listing | Corpus:
    """Lists a data set without parsing or caching its recordings; worlds and corpora come whole.

    What is only listed still has all its recordings: which ones the options of every data set leave is known when they
    are read. With `skip_bad`, `Listing.skip_bad` says so.

    Raises:
        InputError: see `parse`; an option is wrong; the data set cannot be listed.
    """
    if isinstance(data, Corpus):
        return data
    request = parse(data)
    skip, choose = _common(request)
    if request.name == "corpus":
        return choose(Corpus.open(Path(str(request.path))))
    function, options = _bind(request)
    listed = function(request.path, **options) if request.path else function(**options)
    return choose(listed) if isinstance(listed, Corpus) else replace(listed, skip_bad=skip)


def open_data(data: str | Path | Corpus, *, skip_bad: bool = False, progress: Progress | None = None) -> Corpus:
    """Opens a data set as a corpus, parsed once and then memory-mapped from the cache.

    Args:
        data: a data string (see the module), a path, or a corpus, which is returned as it is.
        skip_bad: leave bad recordings out rather than raise; `Corpus.left_out` says which and why.
        progress: called as `progress(done, total)` while recordings are parsed, or a log's file is read.

    Raises:
        InputError: the string, an option or a recording is wrong; the message says where and how to mend it.
        MissingError: a package that carries the data is not installed.
    """
    if isinstance(data, Corpus):
        return data
    request = parse(data)
    skip, choose = _common(request)
    if request.name == "corpus":
        return choose(Corpus.open(Path(str(request.path))))
    function, options = _bind(request)
    path = request.path
    make = (lambda: function(path, **options)) if path else (lambda: function(**options))
    corpus = cached(request.name, path, options, make, skip_bad or skip, progress)
    if skip and (bad := corpus.left_out):
        warnings.warn(f"what cannot be read is left out: {bad[0]}{and_more(bad)}", DataWarning, stacklevel=2)
    return choose(corpus)


def _common(request: Request) -> Common:
    """What the options that every data set has ask for."""
    given = {n: text for n, text in request.options.items() if n in options_of(common)}
    return common(**coerce_options(given, common, request.text))


def _bind(request: Request) -> tuple[Callable[..., Listing | Corpus], dict[str, Any]]:
    """The function of a source and its own options."""
    function, every = SOURCES[request.name].function(), options_of(common)
    own = {n: text for n, text in request.options.items() if n not in every}
    return function, coerce_options(own, function, request.text, also=tuple(every))
