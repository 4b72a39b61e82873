"""MovieLens: 100K (as the `recbole` package carries it, or the original files), 1M and 10M, 20M, 25M and 32M.

Cite F. M. Harper and J. A. Konstan, The MovieLens Datasets, 2015. For research; not to be passed on.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from acteme.errors import InputError
from acteme.recordings.assets import find
from acteme.recordings.behavior.items import joined, table
from acteme.recordings.behavior.log import Columns, Log
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.streams import AGAIN, Delimited, delimited, lines
from acteme.recordings.corpus import Corpus

RATINGS = ("user", "item", "rating", "timestamp")
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""The last 19 columns of u.item, in order."""
NONE = "(no genres listed)"
FILMS = {"u.data": "u.item", "ratings.dat": "movies.dat", "ratings.csv": "movies.csv"}
"""The file of ratings of each layout, and the file of films beside it."""


def ml_100k(core: int = 0) -> Corpus:
    """MovieLens-100K: 100,000 ratings of 1,682 films by 943 people, from the files of the `recbole` package.

    A recording is what is known of a person up to a moment: `train` has all ratings but the last two, `val` all but
    the last, `test` all; the last one of `val` and `test` is to be predicted. Ratings at the same time, as the last
    two of 44% of the people, stay in the order of the file.

    Args:
        core: drop people and films with fewer ratings, again and again until none has; 0 keeps all.

    Raises:
        MissingError: the package is not here.
    """
    folder = "recbole/dataset_example/ml-100k"
    ratings, films = (find("recbole", f"{folder}/ml-100k.{kind}") for kind in ("inter", "item"))
    how = Delimited("\t", quoted=False)
    names = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
    return _log(ratings, how, names, [ratings, films], core, _atomic_films(films))


def movielens(path: Path, core: int = 0) -> Corpus:
    """MovieLens as it was published: 100K (u.data), 1M and 10M (ratings.dat), 20M, 25M and 32M (ratings.csv).

    Recordings are as in `ml-100k`.

    Args:
        path: the folder.
        core: drop people and films with fewer ratings, again and again until none has; 0 keeps all.

    Raises:
        InputError: the folder holds none of these files, or a row is broken.
    """
    name = next((name for name in FILMS if (path / name).is_file()), None)
    if name is None:
        raise InputError("has none of the files " + ", ".join(FILMS), path, "give the folder of MovieLens as unpacked")
    ratings, films = path / name, path / FILMS[name]
    how, names = {
        "u.data": (Delimited("\t", RATINGS, quoted=False), RATINGS),
        "ratings.dat": (Delimited("::", RATINGS, quoted=False), RATINGS),
        "ratings.csv": (Delimited(), ("userId", "movieId", "rating", "timestamp")),
    }[name]
    files = [ratings, *([films] if films.is_file() else [])]
    read = {"u.item": _item_films, "movies.dat": _dat_films, "movies.csv": _csv_films}[FILMS[name]]
    return _log(ratings, how, names, files, core, read(films) if films.is_file() else iter(()))


Film = tuple[str, str, list[str], float | None]
"""Name, title, genres and year."""


def _log(
    ratings: Path, how: Delimited, names: tuple[str, ...], files: list[Path], core: int, films: Iterator[Film]
) -> Corpus:
    user, item, rating, time = names
    problems = Problems()
    log = Log(Columns(user, item, time, rating), problems)
    for chunk in delimited(ratings, how, problems, names):
        log.add(chunk)
    return log.corpus(files, core, catalog=joined(table(films)))


def _atomic_films(path: Path) -> Iterator[Film]:
    """`item_id movie_title release_year class` of the recbole package."""
    for number, line in lines(path):
        cells = line.rstrip("\r\n").split("\t")
        if number == 1 or not line.strip():
            continue
        if len(cells) < 4:
            raise InputError(f"{len(cells)} cells where 4 are expected", f"{path} line {number}", AGAIN)
        year = float(cells[2]) if re.fullmatch(r"\d{4}", cells[2]) else None
        yield cells[0], cells[1], cells[3].split(), year


def _item_films(path: Path) -> Iterator[Film]:
    """u.item: id, title with year, release date, video date, address and 19 marks of genres, with | between."""
    for number, line in lines(path):
        cells = line.rstrip("\r\n").split("|")
        if not line.strip():
            continue
        if len(cells) < 5 + len(GENRES):
            raise InputError(f"{len(cells)} cells where 24 are expected", f"{path} line {number}", AGAIN)
        kinds = [name for name, mark in zip(GENRES, cells[5:], strict=False) if mark == "1"]
        yield cells[0], *_titled(cells[1]), kinds, _year(cells[1])


def _dat_films(path: Path) -> Iterator[Film]:
    """movies.dat: `MovieID::Title (Year)::Genre|Genre`."""
    for number, line in lines(path):
        cells = line.rstrip("\r\n").split("::")
        if not line.strip():
            continue
        if len(cells) != 3:
            raise InputError(f"{len(cells)} cells where 3 are expected", f"{path} line {number}", AGAIN)
        yield cells[0], *_titled(cells[1]), _genres(cells[2]), _year(cells[1])


def _csv_films(path: Path) -> Iterator[Film]:
    """movies.csv: `movieId,title,genres`."""
    problems = Problems()
    for chunk in delimited(path, Delimited(), problems, ("movieId", "title", "genres")):
        for name, title, genres in zip(*(column.to_pylist() for column in chunk.columns.values()), strict=True):
            yield name, *_titled(title), _genres(genres), _year(title)
    if problems.lines:
        raise InputError(problems.lines[0])


def _titled(title: str) -> tuple[str]:
    """The title without its year."""
    return (re.sub(r"\s*\(\d{4}(?:-\d{0,4})?\)\s*$", "", title).strip(),)


def _year(title: str) -> float | None:
    found = re.search(r"\((\d{4})(?:-\d{0,4})?\)\s*$", title)
    return float(found[1]) if found else None


def _genres(text: str) -> list[str]:
    return [] if text == NONE else [part for part in text.strip().split("|") if part]
