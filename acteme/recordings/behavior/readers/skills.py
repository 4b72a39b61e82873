"""Your own people and jobs: texts, skills out of a list of concepts, and who goes with what.

A folder with

    concepts.txt     a skill a line; line c names concept c of any vector
    jobs.jsonl       a line each: {"id": "j1", "text": "...", "skills": ["python"], "title": "...", "group": "..."}
    profiles.jsonl   the same of people: {"id": "p1", "text": "...", "skills": ["python"]}
    pairs.tsv        job, profile, label (1 goes, 0 does not; 1 where it is left out) and split, with tabs between

`skills` may be left out or empty where they are not known; `title` and `group` may be left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.behavior.profiles import Job, Member, corpus
from acteme.recordings.corpus import Corpus
from acteme.recordings.documents.lines import get, read_lines

FILES = ("concepts.txt", "jobs.jsonl", "profiles.jsonl", "pairs.tsv")
SPLITS = ("train", "val", "test", "known")


@dataclass(frozen=True)
class Pair:
    """A line of pairs.tsv."""

    job: int
    """Number, from 1."""
    profile: str
    label: int
    split: str
    """Empty where it is left out."""


def skills(path: Path, val: float = 0.1, test: float = 0.1, known: float = 0.1, seed: int = 0) -> Corpus:
    """Your own people and jobs: a folder with concepts.txt, jobs.jsonl, profiles.jsonl and pairs.tsv.

    `val` and `test` are of jobs that no one in training has, `known` of other people with jobs of the training; a
    column `split` of pairs.tsv says otherwise. A person with jobs in several splits is in each of them, one without any
    is in training, where only the profile and its skills count.

    Args:
        path: the folder.
        val: share of the jobs for validation.
        test: share of the jobs for the test.
        known: share of the people with jobs of the training that are held out.
        seed: of the draws.

    Raises:
        InputError: a file is missing or a line of it is broken, or names what is not there.
    """
    files = [path / name for name in FILES]
    for file in files:
        if not file.is_file():
            raise InputError(f"has no {file.name}", path, "give " + ", ".join(FILES))
    concepts = read_concepts(files[0])
    jobs = list(_jobs(files[1]))
    people = {m.name: m for m in _people(files[2])}
    number = {job.name: k + 1 for k, job in enumerate(jobs)}
    if len(number) < len(jobs):
        raise InputError(f"two jobs are called '{_twice([j.name for j in jobs])}'", files[1], "give each its own id")
    pairs = list(read_pairs(files[3], number, set(people)))
    told = any(p.split for p in pairs)
    rng = np.random.default_rng(seed)
    where = _drawn(len(jobs), val, test, rng)
    if not told:
        pairs = [replace(p, split=str(where[p.job - 1])) for p in pairs]
    made = list(_members(people, pairs))
    if not told:
        made = _held(made, known, rng)
    labels = any(p.label == 0 for p in pairs)
    notes = tuple(_notes(jobs, people, {p.profile for p in pairs}))
    return replace(corpus(jobs, made, concepts, labels), files=tuple(files), notes=notes)


def read_concepts(path: Path) -> tuple[str, ...]:
    """Names of the concepts, a line each.

    Raises:
        InputError: there are none, one is empty or named twice.
    """
    names = [line.strip() for line in _lines(path)]
    if not names:
        raise InputError("names no concepts", path, "give a skill a line")
    for k, name in enumerate(names, 1):
        if not name:
            raise InputError("is empty", f"{path}, line {k}", "the number of a line is that of a concept; name it")
    if len(set(names)) < len(names):
        raise InputError(f"names '{_twice(names)}' twice", path, "name each concept once")
    return tuple(names)


def read_pairs(path: Path, jobs: dict[str, int], people: set[str]) -> Iterator[Pair]:
    """The lines of a file of pairs; a first line `job...` is a heading.

    Args:
        path: the file.
        jobs: numbers of the jobs by their names.
        people: names of the profiles.

    Raises:
        InputError: the file is no text, a line is broken, or names a job or a profile that there is not.
    """
    seen: set[tuple[int, str]] = set()
    for k, line in enumerate(_lines(path), 1):
        where = f"{path}, line {k}"
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or (k == 1 and cells[0].lower() in ("job", "job_id")):
            continue
        if not 2 <= len(cells) <= 4:
            raise InputError(f"{len(cells)} cells", where, "give job, profile, label and maybe split, with tabs")
        job, profile, label, split = (*cells, *["", "", ""])[:4]
        if job not in jobs:
            raise InputError(f"there is no job '{job}'", where, "add it to jobs.jsonl, or leave the line out")
        if profile not in people:
            raise InputError(f"there is no profile '{profile}'", where, "add it to profiles.jsonl, or leave it out")
        if label not in ("", "0", "1"):
            raise InputError(f"label '{label}'", where, "give 1 or 0")
        if split not in ("", *SPLITS):
            raise InputError(f"split '{split}'", where, f"give one of {', '.join(SPLITS)}")
        if (jobs[job], profile) in seen:
            raise InputError(f"job '{job}' and profile '{profile}' are a second time here", where, "keep one line")
        seen.add((jobs[job], profile))
        yield Pair(jobs[job], profile, int(label or 1), split)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read as text", path, "save it as UTF-8") from error


def _jobs(path: Path) -> Iterator[Job]:
    for where, entry in read_lines(path):
        name = get(entry, "id", str, where)
        title, group = (get(entry, key, str, where, "") for key in ("title", "group"))
        yield Job(name, title or name, get(entry, "text", str, where), _listed(entry, where), group, where)


def _people(path: Path) -> Iterator[Member]:
    seen: set[str] = set()
    for where, entry in read_lines(path):
        name = get(entry, "id", str, where)
        if name in seen:
            raise InputError(f"a second profile is called '{name}'", where, "give each its own id")
        seen.add(name)
        text = get(entry, "text", str, where)
        yield Member(name, text, _listed(entry, where), (), "train", where=where)


def _listed(entry: dict[str, object], where: str) -> tuple[str, ...]:
    found = get(entry, "skills", list, where, [])
    if not all(isinstance(skill, str) for skill in found):
        raise InputError("'skills' is not a list of texts", where, 'write ["one", "another"]')
    return tuple(found)


def _members(people: dict[str, Member], pairs: list[Pair]) -> Iterator[Member]:
    """A recording for each person and split, in the order of the profiles."""
    by: dict[str, dict[str, list[Pair]]] = {}
    for pair in pairs:
        by.setdefault(pair.profile, {}).setdefault(pair.split or "train", []).append(pair)
    for name, person in people.items():
        parts = by.get(name, {"train": []})
        for split in sorted(parts, key=SPLITS.index):
            some = parts[split]
            yield replace(
                person,
                name=name if len(parts) == 1 else f"{name} ({split})",
                subject=name,
                split=split,
                jobs=tuple(p.job for p in some),
                outcome=tuple(p.label for p in some),
            )


def _notes(jobs: list[Job], people: dict[str, Member], paired: set[str]) -> Iterator[str]:
    """What is allowed but worth knowing."""
    for what, texts in (("jobs", [j.text for j in jobs]), ("profiles", [m.text for m in people.values()])):
        if silent := sum(not text.strip() for text in texts):
            yield f"{silent} of {len(texts)} {what} have no text"
    if alone := len(people) - len(paired):
        yield f"{alone} of {len(people)} profiles are in no pair: they are for training only, where their skills count"


def _drawn(jobs: int, val: float, test: float, rng: np.random.Generator) -> np.ndarray:
    """The split of each job."""
    for name, share in (("val", val), ("test", test)):
        if not 0 <= share < 1:
            raise InputError(f"{name} is {share}", "option", "give a share from 0 to below 1")
    of_val, of_test = round(val * jobs), round(test * jobs)
    if of_val + of_test >= jobs:
        raise InputError(f"of {jobs} jobs none is left to train with", "options val and test", "give smaller shares")
    split = np.full(jobs, "train", object)
    order = rng.permutation(jobs)
    split[order[:of_val]], split[order[of_val : of_val + of_test]] = "val", "test"
    return split


def _held(members: list[Member], share: float, rng: np.random.Generator) -> list[Member]:
    """Some people with jobs of the training are put into the split `known`."""
    if not 0 <= share < 1:
        raise InputError(f"known is {share}", "option", "give a share from 0 to below 1")
    able = [k for k, m in enumerate(members) if m.split == "train" and m.jobs]
    chosen = set(rng.permutation(able)[: round(share * len(able))].tolist())
    return [replace(m, split="known", name=m.name.replace("(train)", "(known)")) if k in chosen else m
            for k, m in enumerate(members)]  # fmt: skip


def _twice(names: list[str]) -> str:
    seen: set[str] = set()
    return next(n for n in names if n in seen or seen.add(n))  # type: ignore[func-returns-value]
