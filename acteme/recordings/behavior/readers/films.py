"""The films and the people of MovieLens, in each of its layouts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from acteme.errors import InputError
from acteme.recordings.behavior.about import About
from acteme.recordings.behavior.codes import text
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.streams import AGAIN, Delimited, delimited, lines

Film = tuple[str, str, list[str], float | None]
"""Name, title, genres and year."""
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""The last 19 columns of u.item, in order; a film of the first has no genre."""
NONE = "(no genres listed)"


def atomic_films(path: Path) -> Iterator[Film]:
    """`item_id movie_title release_year class` of the recbole package."""
    for number, line in lines(path):
        cells = line.rstrip("\r\n").split("\t")
        if number == 1 or not line.strip():
            continue
        if len(cells) < 4:
            raise InputError(f"{len(cells)} cells where 4 are expected", f"{path} line {number}", AGAIN)
        year = float(cells[2]) if re.fullmatch(r"\d{4}", cells[2]) else None
        yield cells[0], cells[1], [kind for kind in cells[3].split() if kind != GENRES[0]], year


def item_films(path: Path) -> Iterator[Film]:
    """u.item: id, title with year, release date, video date, address and 19 marks of genres, with | between."""
    for number, line in lines(path):
        cells = line.rstrip("\r\n").split("|")
        if not line.strip():
            continue
        if len(cells) < 5 + len(GENRES):
            raise InputError(f"{len(cells)} cells where 24 are expected", f"{path} line {number}", AGAIN)
        kinds = [name for name, mark in zip(GENRES[1:], cells[6:], strict=False) if mark == "1"]
        yield cells[0], _titled(cells[1]), kinds, _year(cells[1])


def dat_films(path: Path) -> Iterator[Film]:
    """movies.dat: `MovieID::Title (Year)::Genre|Genre`."""
    for number, line in lines(path):
        cells = line.rstrip("\r\n").split("::")
        if not line.strip():
            continue
        if len(cells) != 3:
            raise InputError(f"{len(cells)} cells where 3 are expected", f"{path} line {number}", AGAIN)
        yield cells[0], _titled(cells[1]), _genres(cells[2]), _year(cells[1])


def csv_films(path: Path) -> Iterator[Film]:
    """movies.csv: `movieId,title,genres`."""
    problems = Problems()
    for chunk in delimited(path, Delimited(), problems, ("movieId", "title", "genres")):
        for name, title, genres in zip(*(column.to_pylist() for column in chunk.columns.values()), strict=True):
            yield name, _titled(title), _genres(genres), _year(title)
    problems.refuse()


def fields_of_films(films: list[Film], column: str) -> About:
    """`genre`, the first one; `year`; and `category`, the decade with the first genre."""
    genre = [next(iter(kinds), None) for _, _, kinds, _ in films]
    years = [None if year is None else int(year) for *_, year in films]
    both = [f"{y // 10 * 10}s {g}" if y and g else None for y, g in zip(years, genre, strict=True)]
    known = {"category": both, "genre": genre, "year": [None if y is None else str(y) for y in years]}
    fields = {name: pa.array(cells, pa.string()) for name, cells in known.items()}
    return About(column, pa.array([film[0] for film in films], pa.string()), fields)


def fields_of_people(path: Path, how: Delimited, columns: tuple[str, ...], column: str, problems: Problems) -> About:
    """`age`, `gender`, `occupation` and `zip`, as the file says them.

    Args:
        path: the file of people.
        how: how it is written.
        columns: which of its columns say who, and these four.
        column: the column of the log that names people.
        problems: takes bad rows.
    """
    chunks = [chunk.columns for chunk in delimited(path, how, problems, columns)]
    who, *told = (pa.concat_arrays([text(c[name]) for c in chunks]) if chunks else pa.array([], pa.string())
                  for name in columns)  # fmt: skip
    return About(column, who, dict(zip(("age", "gender", "occupation", "zip"), told, strict=True)))


def _titled(title: str) -> str:
    """The title without its year."""
    return re.sub(r"\s*\(\d{4}(?:-\d{0,4})?\)\s*$", "", title).strip()


def _year(title: str) -> float | None:
    found = re.search(r"\((\d{4})(?:-\d{0,4})?\)\s*$", title)
    return float(found[1]) if found else None


def _genres(listed: str) -> list[str]:
    return [] if listed == NONE else [part for part in listed.strip().split("|") if part]
