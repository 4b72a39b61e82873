"""MovieLens: 100K (as the `recbole` package carries it, or the original files), 1M and 10M, 20M, 25M and 32M.

Cite F. M. Harper and J. A. Konstan, The MovieLens Datasets, 2015. For research; not to be passed on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from acteme.errors import InputError
from acteme.recordings.assets import find
from acteme.recordings.behavior.about import About
from acteme.recordings.behavior.items import joined, table
from acteme.recordings.behavior.log import Columns, Log
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.readers import films
from acteme.recordings.behavior.single import Shares, single
from acteme.recordings.behavior.streams import Chunk, Delimited, delimited
from acteme.recordings.corpus import Corpus

FIELDS = ("category", "genre", "year", "age", "gender", "occupation")
"""What is known of films and people, and taken unless `fields` says otherwise; `zip` is taken where it is named."""
COLUMNS = ("user", "item", "rating", "timestamp")

CSV = Delimited()


@dataclass(frozen=True)
class Layout:
    """How the files of a release are called and written."""

    ratings: str
    """File of ratings."""
    how: Delimited
    """How it is written."""
    columns: tuple[str, ...]
    """Its columns of people, films, ratings and times."""
    films: str
    """File of films."""
    film: Callable[[Path], Iterator[films.Film]]
    """What reads it."""
    people: str = ""
    """File of people, where there is one."""
    person: tuple[str, ...] = ()
    """Its columns: who, age, gender, occupation and zip code."""
    people_how: Delimited = CSV
    """How it is written."""


ATOMIC = Layout(
    "ml-100k.inter", Delimited("\t", quoted=False),
    ("user_id:token", "item_id:token", "rating:float", "timestamp:float"),
    "ml-100k.item", films.atomic_films,
    "ml-100k.user", ("user_id:token", "age:token", "gender:token", "occupation:token", "zip_code:token"),
    Delimited("\t", quoted=False),
)  # fmt: skip
PERSON = ("user", "age", "gender", "occupation", "zip")
RELEASES = (
    Layout("u.data", Delimited("\t", COLUMNS, quoted=False), COLUMNS, "u.item", films.item_films,
           "u.user", PERSON, Delimited("|", PERSON, quoted=False)),
    Layout("ratings.dat", Delimited("::", COLUMNS, quoted=False), COLUMNS, "movies.dat", films.dat_films,
           "users.dat", PERSON, Delimited("::", ("user", "gender", "age", "occupation", "zip"), quoted=False)),
    Layout("ratings.csv", Delimited(), ("userId", "movieId", "rating", "timestamp"), "movies.csv", films.csv_films),
)  # fmt: skip


def ml_100k(
    core: int = 0,
    flat: bool = False,
    threshold: float | None = None,
    fields: tuple[str, ...] = (),
    rare: int = 1,
    val: float = 0.2,
    test: float = 0.1,
    seed: int = 0,
) -> Corpus:
    """MovieLens-100K: 100,000 ratings of 1,682 films by 943 people, from the files of the `recbole` package.

    A recording is what is known of a person up to a moment: `train` has all ratings but the last two, `val` all but
    the last, `test` all; the last one of `val` and `test` is to be predicted. Ratings at the same time, as the last
    two of 44% of the people, stay in the order of the file. With `flat` every rating stands for itself, with the fields
    `user` and `item` before the others, and the splits are drawn.

    Args:
        core: drop people and films with fewer ratings, again and again until none has; 0 keeps all.
        flat: a recording for each split, with every rating by itself.
        threshold: ratings from this on are the outcome 1, lower ones 0; otherwise the outcome is the rating.
        fields: of `category` (decade and first genre), `genre` (the first one), `year`, `age`, `gender`,
            `occupation` and `zip`, which to take; all but the last unless given; `none` takes none.
        rare: a field's values that fewer ratings of the training split have become the unknown value, 0.
        val: flat: share of the ratings for validation.
        test: flat: share of the ratings for the test.
        seed: flat: of the draw.

    Raises:
        InputError: there is no such field, or `core` is asked for with `flat`.
        MissingError: the package is not here.
    """
    folder = find("recbole", f"recbole/dataset_example/ml-100k/{ATOMIC.ratings}").parent
    return _corpus(folder, ATOMIC, core, flat, threshold, fields, rare, Shares(val, test, True, seed))


def movielens(
    path: Path,
    core: int = 0,
    flat: bool = False,
    threshold: float | None = None,
    fields: tuple[str, ...] = (),
    rare: int = 1,
    val: float = 0.2,
    test: float = 0.1,
    seed: int = 0,
) -> Corpus:
    """MovieLens as it was published: 100K (u.data), 1M and 10M (ratings.dat), 20M, 25M and 32M (ratings.csv).

    Recordings are as in `ml-100k`; who people are is known of 100K and 1M.

    Args:
        path: the folder.
        core: drop people and films with fewer ratings, again and again until none has; 0 keeps all.
        flat: a recording for each split, with every rating by itself.
        threshold: ratings from this on are the outcome 1, lower ones 0; otherwise the outcome is the rating.
        fields: of `category` (decade and first genre), `genre` (the first one), `year`, `age`, `gender`,
            `occupation` and `zip`, which to take; those that are known, but the last, unless given; `none` takes none.
        rare: a field's values that fewer ratings of the training split have become the unknown value, 0.
        val: flat: share of the ratings for validation.
        test: flat: share of the ratings for the test.
        seed: flat: of the draw.

    Raises:
        InputError: the folder holds none of these files, or they have no such field; `core` is asked for with `flat`.
    """
    layout = next((layout for layout in RELEASES if (path / layout.ratings).is_file()), None)
    if layout is None:
        names = ", ".join(layout.ratings for layout in RELEASES)
        raise InputError(f"has none of the files {names}", path, "give the folder of MovieLens as unpacked")
    return _corpus(path, layout, core, flat, threshold, fields, rare, Shares(val, test, True, seed))


def _corpus(
    folder: Path,
    layout: Layout,
    core: int,
    flat: bool,
    threshold: float | None,
    wanted: tuple[str, ...],
    rare: int,
    shares: Shares,
) -> Corpus:
    if flat and core:
        raise InputError("core and flat are asked for together", "option", "leave one out")
    ratings, about = folder / layout.ratings, folder / layout.films
    people = folder / layout.people if layout.people else None
    files = [file for file in (ratings, about, people) if file and file.is_file()]
    problems = Problems()
    known = list(layout.film(about)) if about in files else []
    told = [films.fields_of_films(known, "item")] if known else []
    if people in files:
        told.append(films.fields_of_people(people, layout.people_how, layout.person, "user", problems))
    fields = _chosen(wanted, told, folder)

    def read() -> Iterator[Chunk]:
        for chunk in delimited(ratings, layout.how, problems, layout.columns):
            named = replace(chunk, columns=dict(zip(COLUMNS, chunk.columns.values(), strict=True)))
            for one in told:
                named = one.added(named)
            yield named

    user, item, rating, time = COLUMNS
    columns = Columns(time=time, outcome=rating, threshold=threshold, fields=fields)
    if flat:
        return single(read, replace(columns, fields=(user, item, *fields)), problems, files, shares, rare)
    log = Log(replace(columns, user=user, item=item), problems)
    for chunk in read():
        log.add(chunk)
    return log.corpus(files, core, rare, joined(table(known)))


def _chosen(wanted: tuple[str, ...], told: list[About], folder: Path) -> tuple[str, ...]:
    """The fields to take, of those that are known."""
    known = {name for one in told for name in one.fields}
    if not wanted or wanted == ("none",):
        return () if wanted else tuple(name for name in FIELDS if name in known)
    if missing := [name for name in wanted if name not in known]:
        listed = [name for name in (*FIELDS, "zip") if name in known]
        raise InputError(f"has no field '{missing[0]}'", folder, f"use {', '.join([*listed, 'none'])}")
    return tuple(dict.fromkeys(wanted))
