"""Data sets of documents with events: RAMS, WikiEvents, and your own in the form of RAMS."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.documents.columns import recording, spec
from acteme.recordings.documents.document import Document, Ontology
from acteme.recordings.documents.rams import read_meta, read_multiplicities, read_rams, split_of
from acteme.recordings.documents.wikievents import read_clusters, read_wikievents
from acteme.recordings.documents.windows import LIMIT, one_event, outside
from acteme.recordings.recording import Item, Listing

ENDINGS = (".jsonlines", ".jsonl", ".json")
ONTOLOGIES = ("event_role_multiplicities.txt", "meta.json")
"""Names of files that say which roles each type of event has."""


def rams(path: Path, *, ontology: Path | None = None) -> Listing:
    """RAMS 1.0: 9,124 events (7,329 train, 924 dev, 871 test) of 139 types, each in five sentences.

    Args:
        ontology: `event_role_multiplicities.txt` or `meta.json`; else one of these names in the folder or in `scorer`
            beside it, or the roles that occur in the training documents.

    Raises:
        InputError: there are no files of documents, or the ontology is none.
    """
    return documents(path, ontology=ontology)


def documents(path: Path, *, ontology: Path | None = None, limit: int | None = None) -> Listing:
    """Your own documents, an event a line in the form of RAMS: files train, dev and test.jsonlines, or one file.

    A line is `{"doc_key", "sentences": [[word]], "evt_triggers": [[b, e, [[type, 1.0]]]], "gold_evt_links":
    [[[trigger b, e], [argument b, e], role]]}`; b and e count words over the whole document and include the last one.
    `"coref": [[[b, e]]]` may say which mentions are of one entity; `gold_evt_links` may be missing where arguments are
    to be found.

    Args:
        ontology: see `rams`.
        limit: words of the window around each trigger; None takes documents whole.

    Raises:
        InputError: there are no files of documents, or the ontology is none.
    """
    problems: list[InputError] = []
    files = _files(path)
    read = [d for file in files for d in read_rams(file, None, problems)]
    cut = (lambda d: iter([d])) if limit is None else (lambda d: one_event(d, limit))
    return _listing(path, files, read, cut, problems, ontology)


def wikievents(path: Path, *, limit: int = LIMIT, official: bool = False, ontology: Path | None = None) -> Listing:
    """WikiEvents: 246 documents with several events each; a recording is the window around the trigger of one.

    Files train, dev and test.jsonl; `coref/` within the folder has which mentions are of one entity.

    Args:
        limit: words of a window.
        official: windows as the shipped conversion makes them: of an event in the first or the last sentence, that
            sentence alone.
        ontology: see `rams`.

    Raises:
        InputError: there are no files of documents, or a file of clusters or the ontology is bad.
    """
    problems: list[InputError] = []
    files = _files(path)
    extra: list[Path] = []
    read: list[Document] = []
    for file in files:
        same = [p for p in (file.parent / "coref" / f"{file.stem}{end}" for end in ENDINGS) if p.is_file()]
        extra += same[:1]
        read += read_wikievents(file, read_clusters(same[0]) if same else None, problems)
    return _listing(path, [*files, *extra], read, lambda d: one_event(d, limit, official), problems, ontology)


def made(documents: Sequence[Document], ontology: Ontology) -> Corpus:
    """Windows with one event each as a corpus in memory."""
    return Corpus.of((recording(d, ontology) for d in documents), spec(ontology))


def _files(path: Path) -> list[Path]:
    """The files of documents: the path itself, or those in the folder whose names end with a split."""
    if path.is_file():
        return [path]
    found = [p for p in sorted(path.iterdir()) if p.suffix in ENDINGS and split_of(p)]
    if not found and (path / "data").is_dir():
        return _files(path / "data")
    if not found:
        raise InputError("has no documents", path, "put train, dev and test.jsonlines there, or name one file")
    order = ("train", "val", "test")
    return sorted(found, key=lambda p: (order.index(split_of(p)), p.name))


def _listing(
    path: Path,
    files: Sequence[Path],
    read: Sequence[Document],
    cut: Callable[[Document], Iterator[Document]],
    problems: list[InputError],
    named: Path | None,
) -> Listing:
    """Lists the windows of documents."""
    folder = path if path.is_dir() else path.parent
    places = [p / name for p in (folder, folder / "scorer", folder.parent, folder.parent / "scorer")
              for name in ONTOLOGIES]  # fmt: skip
    source = named or next((p for p in places if p.is_file()), None)
    windows = [w for d in read for w in cut(d)]
    if source is not None:
        ontology = read_meta(source) if source.suffix == ".json" else read_multiplicities(source)
    else:
        ontology = Ontology.of([d for d in read if d.split == "train"] or read)
    notes = [] if source else [f"the roles are those of the {'training ' * any(d.split for d in read)}documents"]
    strange = ontology.unknown(windows)
    if strange:
        (kind, role), more = next(iter(strange)), sum(strange.values())
        notes.append(
            f"{more} arguments have a role that the ontology has not, as {role} of {kind}: they count as missed"
        )
    if far := sum(len(outside(w)) for w in windows):
        notes.append(f"{far} arguments lie outside of their windows: they count as missed")
    items = [Item(w.name, f"{path}, {w.name}", _reader(w, ontology, f"{path}, {w.name}")) for w in windows]
    paths = [*files, source] if source is not None else list(files)
    return Listing(spec(ontology), items, paths, problems=problems, notes=notes)


def _reader(window: Document, ontology: Ontology, where: str) -> Callable:
    return lambda: recording(window, ontology, where)
