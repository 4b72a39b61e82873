"""Events of captions (ChronAccRet, Fujiwara et al., ECCV 2024): `event_texts/NAME_i.json` holds those of caption i.

{"events": ["a person bends over", "the person kicks back"]}; i counts the captions of a motion from 0, as they stand in
its file: where a caption is left out, those after it keep their numbers.
"""

from pathlib import Path

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.files import AGAIN, read_json, read_text

FOLDER = "event_texts"


def event_file(folder: Path, name: str, caption: int) -> Path | None:
    """The file of a caption's events, None where there is none."""
    path = folder / FOLDER / f"{name}_{caption}.json"
    return path if path.is_file() else None


def event_files(folder: Path) -> list[Path]:
    """All files of events of a data set."""
    return sorted((folder / FOLDER).glob("*.json"))


def read_events(path: Path | None) -> tuple[str, ...]:
    """The events of a caption, in the order of time; none without a file. Raises InputError where it is malformed."""
    if path is None:
        return ()
    held = read_json(path)
    events = held.get("events") if isinstance(held, dict) else None
    if not isinstance(events, list) or not all(isinstance(e, str) for e in events):
        raise InputError('is not {"events": [texts]}', path, AGAIN)
    return tuple(clean for e in events if (clean := " ".join(e.split())))


def unlike_names(*tables: Path) -> set[str]:
    """Names that a data set calls unlike each other (nsim_test.txt), from the first table that is there."""
    for table in tables:
        if table.is_file():
            return set(read_text(table).split())
    return set()
