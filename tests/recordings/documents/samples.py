"""Small documents in the formats that are read."""

import json
from pathlib import Path
from typing import Any

RAMS: dict[str, Any] = {
    "doc_key": "nw_1", "language_id": "eng", "source_url": "paper/1", "split": "dev",
    "sentences": [["Rebels", "came", "."], ["They", "shot", "the", "old", "mayor", "."], ["It", "rained", "."]],
    "ent_spans": [[0, 0, [["evt089arg01killer", 1.0]]], [5, 7, [["evt089arg02victim", 1.0]]]],
    "evt_triggers": [[4, 4, [["life.die.n/a", 1.0]]]],
    "gold_evt_links": [
        [[4, 4], [0, 0], "evt089arg01killer"], [[4, 4], [5, 7], "evt089arg02victim"],
        [[4, 4], [6, 7], "evt089arg02victim"], [[4, 4], [5, 7], "evt089arg03target"],
    ],
    "rel_triggers": [], "gold_rel_links": [],
}  # fmt: skip
"""An argument in another sentence, two spans that overlap, one span with two roles."""


def wikievents() -> dict[str, Any]:
    sentences = [["Rebels", "came", "."], ["They", "shot", "the", "mayor", "."], ["He", "died", "."], ["It", "rained"]]

    def trigger(start: int, sentence: int) -> dict[str, Any]:
        return {"start": start, "end": start + 1, "text": "", "sent_idx": sentence}

    def mention(name: str, start: int, end: int) -> dict[str, Any]:
        return {"id": name, "sent_idx": 0, "start": start, "end": end, "entity_type": "PER", "mention_type": "NAM"}

    return {
        "doc_id": "w", "tokens": [word for some in sentences for word in some], "text": "",
        "sentences": [[[[word, 0, 1] for word in some], " ".join(some)] for some in sentences],
        "entity_mentions": [mention("T1", 0, 1), mention("T2", 3, 4), mention("T3", 5, 7), mention("T4", 8, 9)],
        "relation_mentions": [],
        "event_mentions": [
            {"id": "E1", "event_type": "Life.Die", "trigger": trigger(4, 1), "arguments": [
                {"entity_id": "T2", "role": "Killer", "text": ""}, {"entity_id": "T4", "role": "Victim", "text": ""}]},
            {"id": "E2", "event_type": "Move.Come", "trigger": trigger(1, 0), "arguments": [
                {"entity_id": "T1", "role": "Who", "text": ""}, {"entity_id": "T4", "role": "Seen", "text": ""}]},
            {"id": "E3", "event_type": "Rain", "trigger": trigger(12, 3), "arguments": []},
        ],
    }  # fmt: skip


def write(path: Path, *lines: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines), encoding="utf-8")
    return path
