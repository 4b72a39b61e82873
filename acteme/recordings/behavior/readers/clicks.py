"""Advertisements that were shown, and clicked or not: Criteo and Avazu, of their Kaggle challenges.

Criteo: by the terms of its challenge, for research. Avazu: by the rules of its challenge.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.errors import InputError
from acteme.recordings.behavior.codes import calendar, number, text
from acteme.recordings.behavior.log import Columns
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.single import Shares, single
from acteme.recordings.behavior.streams import Chunk, Delimited, delimited, header
from acteme.recordings.corpus import Corpus

NUMBERS = tuple(f"I{k}" for k in range(1, 14))
CATEGORIES = tuple(f"C{k}" for k in range(1, 27))
AVAZU = (
    "C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category", "device_id",
    "device_ip", "device_model", "device_type", "device_conn_type", "C14", "C15", "C16", "C17", "C18", "C19", "C20",
    "C21",
)  # fmt: skip
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def criteo(path: Path, rare: int = 10, val: float = 0.1, test: float = 0.1, seed: int = 0) -> Corpus:
    """Criteo display advertising (train.txt): a click or none, 13 numbers and 26 categories of each advertisement.

    Each split is one recording, and every event stands for itself. All 39 columns are fields: a number v > 2 becomes
    floor(log(v)^2), and an empty cell the unknown value.

    Args:
        path: the file, or the folder that holds it.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.
        val: share of the events for validation.
        test: share of the events for the test.
        seed: of the draw of the splits.

    Raises:
        InputError: the file is not there, or a row is broken.
    """
    file, problems = _file(path, ("train.txt", "train.txt.gz", "train.tsv")), Problems()
    names = ("label", *NUMBERS, *CATEGORIES)

    def read() -> Iterator[Chunk]:
        for chunk in delimited(file, Delimited("\t", names, quoted=False), problems):
            good = _clicks(chunk, "label", problems)
            new = {}
            for name in NUMBERS:
                cells = text(chunk.columns[name])
                empty = pc.equal(cells, "").to_numpy(zero_copy_only=False)
                value, bad = number(cells)
                bad = (bad & ~empty) | (value != np.floor(value))
                problems.cells(file, chunk.rows, bad, name, cells, "is no whole number", "give one, or nothing")
                good &= ~bad
                new[name] = _bucket(value, empty | bad)
            yield replace(chunk, columns={**chunk.columns, **new}).select(good)

    columns = Columns(outcome="label", fields=names[1:])
    return single(read, columns, problems, [file], Shares(val, test, True, seed), rare)


def avazu(
    path: Path, rare: int = 5, val: float = 0.1, test: float = 0.1, shuffle: bool = True, seed: int = 0
) -> Corpus:
    """Avazu mobile advertising (train, train.csv or train.gz): a click or none, and 23 categories.

    Each split is one recording, and every event stands for itself. `id` is left out, and `hour` becomes the weekday and
    the hour of the day.

    Args:
        path: the file, or the folder that holds it.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.
        val: share of the events for validation.
        test: share of the events for the test.
        shuffle: draw the splits; otherwise they are cut in the order of time.
        seed: of the draw.

    Raises:
        InputError: the file is not there, has other columns, or a row is broken.
    """
    file, problems = _file(path, ("train.gz", "train.csv", "train", "train.csv.gz")), Problems()
    if "click" not in header(file, Delimited()):
        raise InputError("has no column 'click'", file, "give the file for training: that for the test has none")

    def read() -> Iterator[Chunk]:
        for chunk in delimited(file, Delimited(), problems, ("click", "hour", *AVAZU)):
            good = _clicks(chunk, "click", problems)
            cells = text(chunk.columns["hour"])
            told = pc.match_substring_regex(cells, r"^\d{8}$").to_numpy(zero_copy_only=False)
            value = np.where(told, number(cells)[0], 0).astype(np.int64)
            days, bad = calendar(2000 + value // 1_000_000, value // 10_000 % 100, value // 100 % 100)
            hour = value % 100
            bad |= ~told | (hour > 23)
            problems.cells(file, chunk.rows, bad, "hour", cells, "is no hour", "give it as YYMMDDHH")
            new = {
                "when": pa.array(days * 86_400 + hour * 3_600),
                "weekday": pa.array(DAYS).take(pa.array((days + 3) % 7)),  # 1970 began on a Thursday
                "hour": pa.array([f"{h:02}" for h in range(100)]).take(pa.array(hour)),
            }
            yield replace(chunk, columns={**chunk.columns, **new}).select(good & ~bad)

    columns = Columns(time="when", outcome="click", fields=("weekday", "hour", *AVAZU))
    return single(read, columns, problems, [file], Shares(val, test, shuffle, seed), rare)


def _clicks(chunk: Chunk, name: str, problems: Problems) -> np.ndarray:
    """Which rows say whether there was a click."""
    cells = text(chunk.columns[name])
    good = pc.is_in(cells, value_set=pa.array(["0", "1"])).to_numpy(zero_copy_only=False)
    problems.cells(chunk.path, chunk.rows, ~good, name, cells, "is neither 0 nor 1", "give the file for training")
    return good.copy()


def _bucket(value: np.ndarray, none: np.ndarray) -> pa.Array:
    """Numbers as categories: v, and floor(log(v)^2) where v > 2."""
    large = value > 2
    logs = np.floor(np.log(np.where(large, value, 1)) ** 2)
    whole = np.where(large, logs, value).astype(np.int64)
    return pa.array(whole, mask=none).cast(pa.string())


def _file(path: Path, names: tuple[str, ...]) -> Path:
    """The file that is named, or the first of these in a folder."""
    if path.is_file():
        return path
    for name in names:
        if (path / name).is_file():
            return path / name
    raise InputError(f"has none of the files {', '.join(names)}", path, "give the file for training")
