"""Three concepts, four jobs, six people and eight pairs, written by hand."""

import json
from pathlib import Path

CONCEPTS = ("python", "welding", "nursing")
JOBS = (
    {"id": "j1", "text": "Writes software for the web.", "skills": ["python"], "title": "Programmer", "group": "it"},
    {"id": "j2", "text": "Joins steel parts of ships.", "skills": ["welding"], "group": "yard"},
    {"id": "j3", "text": "Cares for patients at night.", "skills": ["nursing"]},
    {"id": "j4", "text": "Programs welding robots.", "skills": ["python", "welding"], "group": "yard"},
)
PROFILES = (
    {"id": "p1", "text": "I write software and tests.", "skills": ["python"]},
    {"id": "p2", "text": "Steel, torches and ships.", "skills": ["welding"]},
    {"id": "p3", "text": "Ten years in a hospital.", "skills": ["nursing"]},
    {"id": "p4", "text": "Robots in a steel plant.", "skills": ["python", "welding"]},
    {"id": "p5", "text": "Looking for something new."},
    {"id": "p6", "text": "", "skills": ["nursing", "python"]},
)
PAIRS = (
    ("j1", "p1", 1), ("j2", "p2", 1), ("j3", "p3", 1), ("j4", "p4", 1),
    ("j1", "p6", 0), ("j3", "p6", 1), ("j2", "p4", 0), ("j3", "p1", 0),
)  # fmt: skip


def write_skills(folder: Path, **changes: object) -> Path:
    """A folder as `skills:PATH` wants it, with changed files; a text is written as it is, None leaves the file out."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, object] = {
        "concepts": "\n".join(CONCEPTS) + "\n",
        "jobs": "".join(json.dumps(job) + "\n" for job in JOBS),
        "profiles": "".join(json.dumps(profile) + "\n" for profile in PROFILES),
        "pairs": "".join("\t".join(map(str, pair)) + "\n" for pair in PAIRS),
    }
    ends = {"concepts": "txt", "jobs": "jsonl", "profiles": "jsonl", "pairs": "tsv"}
    for name, text in {**files, **changes}.items():
        if text is not None:
            (folder / f"{name}.{ends[name]}").write_text(str(text))
    return folder
