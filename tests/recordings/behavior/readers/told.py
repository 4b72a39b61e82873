"""What a corpus of a log says, by names."""

import gzip
import json

from acteme.recordings.corpus import Corpus


def items(corpus: Corpus, split: str) -> dict[str, list[str]]:
    """Items of each user."""
    names = corpus.catalog["item"].to_pylist()
    return {str(r.subject): [names[k - 1] for k in r.arrays["item"]] for r in corpus.select(split)}


def values(corpus: Corpus, field: str) -> list[str | None]:
    """What a field says of each event; None where it is not known."""
    known = {v["number"]: v["value"] for v in corpus.values.to_pylist() if v["field"] == field}
    return [known.get(int(k)) for k in corpus.arrays["field"][:, corpus.spec.fields.index(field)]]


def write_objects(path, rows, how=json.dumps):
    """A file with an object on each line."""
    text = "".join(how(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path
