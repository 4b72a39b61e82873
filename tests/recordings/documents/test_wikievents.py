from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.recordings.documents.wikievents import read_clusters, read_wikievents
from tests.recordings.documents.samples import wikievents, write


def test_whole_documents(tmp_path: Path) -> None:
    coref = write(tmp_path / "coref" / "dev.jsonlines", {"doc_key": "w", "clusters": [["T3", "T4", "T3"], ["T1"]]})
    (d,) = read_wikievents(write(tmp_path / "dev.jsonl", wikievents()), read_clusters(coref))
    assert (d.name, d.split, len(d.words), len(d.events)) == ("w", "val", 13, 3)
    killer = d.events[0].arguments[0]
    assert (d.words[killer.start : killer.end], killer.role, killer.mention) == (("They",), "Killer", "T2")
    assert d.words[d.mentions[2].start : d.mentions[2].end] == ("the", "mayor")
    assert d.clusters == (("T3", "T4"), ("T1",))
    assert d.cluster("T4") == ("T3", "T4") and d.cluster("T2") == ("T2",)
    assert d.distance(d.events[1], d.events[1].arguments[1]) == 2


def change(path: str, value: object) -> dict[str, object]:
    line = wikievents()
    *way, last = [int(k) if k.isdecimal() else k for k in path.split(".")]
    at = line
    for key in way:
        at = at[key]
    at[last] = value
    return line


@pytest.mark.parametrize(
    "line, message",
    [
        (change("tokens", ["a"]), "its sentences have 13 words, its tokens are 1"),
        (change("entity_mentions.1.id", "T1"), "two mentions are called 'T1'"),
        (change("entity_mentions.0.end", 0), "mention 'T1' spans words 0 up to 0"),
        (change("entity_mentions.0.start", "x"), "mention 'T1' spans words 'x'"),
        (change("event_mentions.0.trigger.end", 99), "a trigger spans words 4 up to 99"),
        (change("event_mentions.0.arguments.0.entity_id", "T9"), "is the mention 'T9', which there is not"),
        (change("sentences", [[]]), "has no entry 0"),
        (change("event_mentions.0.trigger", None), "'trigger' is not an object"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: object, message: str) -> None:
    path = write(tmp_path / "test.jsonl", wikievents(), line)
    with pytest.raises(InputError) as error:
        list(read_wikievents(path))
    assert message in str(error.value) and f"{path}, line 2: " in str(error.value)


def test_clusters_of_another_release(tmp_path: Path) -> None:
    path = write(tmp_path / "dev.jsonl", wikievents())
    with pytest.raises(InputError, match="names a mention 'T7' of w"):
        list(read_wikievents(path, {"w": (("T7",),)}))
    with pytest.raises(InputError, match="clusters are not lists"):
        read_clusters(write(tmp_path / "c.jsonlines", {"doc_key": "w", "clusters": ["T1"]}))
