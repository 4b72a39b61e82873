"""Files of predictions: exact content, escaping, structure of ELAN documents, nothing half-written."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from defusedxml import ElementTree
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.engine.answers import Prediction
from acteme.engine.export import eaf, file_name, stream, vtt, write
from acteme.errors import InputError
from acteme.recordings.annotations import Segment

ONE = Prediction(
    "a",
    4000.0,
    (
        Segment(0.0, 1.25, "walk & <talk>", 0.91234),
        Segment(0.5, 3725.0004, 'sit, "down"', 0.5),
        Segment(1.25, 1.25001, "walk & <talk>", 1.0),
    ),
    30.0,
)
NONE = Prediction("b", 1.0, (), 30.0)


def test_json_lines(tmp_path):
    assert write([ONE, NONE], tmp_path / "p.jsonl") == [tmp_path / "p.jsonl"]
    first, second = map(json.loads, (tmp_path / "p.jsonl").read_text().splitlines())
    assert first["segments"][0] == {"start": 0.0, "end": 1.25, "label": "walk & <talk>", "score": 0.9123}
    assert second == {"recording": "b", "duration": 1.0, "segments": []}


def test_csv(tmp_path):
    write([ONE, NONE], tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["recording", "start", "end", "label", "score"] and len(rows) == 4
    assert rows[2] == ["a", "0.5", "3725.0", 'sit, "down"', "0.5"]


def test_submission_to_ma52(tmp_path):
    rng = np.random.default_rng(0)
    clip = replace(NONE, recording="test0000.mp4", scores=rng.random((4, 8)), groups=rng.random((4, 6)))
    assert write([clip, replace(clip, recording="test0001")], tmp_path / "p.csv", "ma52") == [tmp_path / "p.csv"]
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == ("vid,action_pred_1,action_pred_2,action_pred_3,action_pred_4,action_pred_5,"
                        "body_pred_1,body_pred_2,body_pred_3,body_pred_4,body_pred_5")  # fmt: skip
    name, *numbers = lines[1].split(",")
    assert name == "test0000.mp4" and lines[2].startswith("test0001.mp4,")
    best = [sorted(range(k), key=lambda i, s=s: -s[:, i].mean())[:5] for k, s in ((8, clip.scores), (6, clip.groups))]
    assert list(map(int, numbers)) == best[0] + best[1]
    for wrong, message in (
        (replace(clip, groups=None), "predicts no groups of classes; use jsonl or csv"),
        (replace(clip, groups=clip.groups[:, :4]), "fewer than 5 classes or groups"),
    ):
        with pytest.raises(InputError, match=message):
            write([wrong], tmp_path / "q.csv", "ma52")
        assert not (tmp_path / "q.csv").exists()


def test_webvtt():
    text = vtt(ONE)
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nwalk &amp; &lt;talk&gt; (0.91)\n\n")
    assert '00:00:00.500 --> 01:02:05.000\nsit, "down" (0.50)' in text
    assert "00:00:01.250 --> 00:00:01.251" in text
    assert vtt(NONE) == "WEBVTT\n"
    assert "-->" not in vtt(Prediction("a", 1, (Segment(0, 1, "x --> y\n\nz"),), 1)).splitlines()[3]


def check_elan(text, prediction):
    """What the EAF 3.0 schema and ELAN ask for."""
    root = ElementTree.fromstring(text)
    assert root.tag == "ANNOTATION_DOCUMENT" and {"AUTHOR", "DATE", "FORMAT", "VERSION"} <= set(root.attrib)
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]
    tags = [child.tag for child in root]
    assert tags == sorted(tags, key=order.index) and root.find("HEADER").get("TIME_UNITS") == "milliseconds"
    slots = {s.get("TIME_SLOT_ID"): int(s.get("TIME_VALUE")) for s in root.find("TIME_ORDER")}
    assert list(slots.values()) == sorted(set(slots.values()))
    types = {t.get("LINGUISTIC_TYPE_ID") for t in root.iter("LINGUISTIC_TYPE")}
    tiers = [t.get("TIER_ID") for t in root.iter("TIER")]
    assert len(tiers) == len(set(tiers)) and all(tiers)
    identifiers = [a.get("ANNOTATION_ID") for a in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(identifiers)) == len(identifiers) == len(prediction.segments)
    names = identifiers + list(slots)
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", n) for n in names) and len(set(names)) == len(names)
    for tier in root.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") in types
        last = -1
        for held in tier.iter("ALIGNABLE_ANNOTATION"):
            first, end = slots[held.get("TIME_SLOT_REF1")], slots[held.get("TIME_SLOT_REF2")]
            assert last <= first < end
            last = end
            assert held.find("ANNOTATION_VALUE").text


def test_elan_is_well_formed_with_a_tier_per_class():
    text = eaf(ONE)
    check_elan(text, ONE)
    root = ElementTree.fromstring(text)
    assert [t.get("TIER_ID") for t in root.iter("TIER")] == ["walk & <talk>", 'sit, "down"']
    assert next(v.text for v in root.iter("ANNOTATION_VALUE")) == "walk & <talk> (0.91)"
    check_elan(eaf(NONE), NONE)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=8), st.integers(0, 50), st.integers(1, 50)), max_size=8))
def test_any_label_makes_a_valid_elan_document(rows):
    taken: dict[str, float] = {}
    segments = []
    for label, gap, length in rows:
        start = taken.get(label, 0.0) + gap / 7
        taken[label] = start + length / 7
        segments.append(Segment(start, taken[label], label))
    clean = {re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", k) or "unnamed" for k in taken}
    if len(clean) == len(taken):
        prediction = Prediction("p", 9.0, tuple(sorted(segments, key=lambda s: s.start)), 30.0)
        check_elan(eaf(prediction), prediction)


@pytest.mark.parametrize("format", ["vtt", "eaf"])
def test_one_file_per_recording(tmp_path, format):
    made = write([ONE, NONE], tmp_path / "out", format)
    assert [p.name for p in made] == [f"a.{format}", f"b.{format}"] and all(p.exists() for p in made)
    assert write([ONE], tmp_path / f"x.{format}") == [tmp_path / f"x.{format}"]
    with pytest.raises(InputError, match="holds one recording only; give a folder"):
        write([ONE, NONE], tmp_path / f"x.{format}")


def test_names_of_recordings_cannot_leave_the_folder(tmp_path):
    assert file_name("../../etc/passwd") == "_.._etc_passwd" and file_name("..") == "recording"
    (path,) = write([Prediction("../up", 1, (), 1)], tmp_path / "out", "vtt")
    assert path.parent == tmp_path / "out"


def test_an_error_while_predicting_leaves_no_file(tmp_path):
    def broken():
        yield ONE
        raise InputError("bad")

    for name in ("p.jsonl", "p.csv"):
        with pytest.raises(InputError):
            write(broken(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_stream_gets_what_a_file_gets(tmp_path):
    for format, found in (("jsonl", [ONE, NONE]), ("csv", [ONE, NONE]), ("vtt", [ONE])):
        file = io.StringIO(newline="")
        stream(iter(found), file, format)
        path = write(found, tmp_path / f"p.{format}")[0]
        assert file.getvalue() == path.read_bytes().decode()


def test_a_stream_holds_one_subtitle_document_or_none():
    file = io.StringIO()
    with pytest.raises(InputError, match="vtt holds one recording only; name a folder with --to"):
        stream(iter([ONE, NONE]), file, "vtt")
    with pytest.raises(InputError, match="there is no format 'srt'"):
        stream(iter([ONE]), file, "srt")
    assert file.getvalue() == ""


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no format 'srt'; known: jsonl, csv, vtt, eaf, ma52"):
        write([ONE], tmp_path / "p.srt")
