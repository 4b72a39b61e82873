"""What a terminal shows: every setting as it can be given back, names as they are, nothing undefined as a number."""

import sys

import pytest
from rich.console import Console

from acteme.catalog import ENTRIES
from acteme.engine.config import configured, rows, to_json
from acteme.engine.evaluate import Evaluation
from acteme.engine.search import Hit
from acteme.errors import InputError
from acteme.recordings.sources import SOURCES
from acteme.reports import ledger, terminal
from acteme.reports.terminal import _shown, _text


@pytest.mark.parametrize("entry", ENTRIES, ids=[e.slug for e in ENTRIES])
@pytest.mark.parametrize("small", [False, True])
def test_a_setting_is_shown_as_it_is_given(entry, small):
    config = entry.module().Config
    wanted = config.small() if small else config()
    given = [f"{path}={_text(value)}" for path, value, _ in rows(wanted)]
    assert to_json(configured(entry.slug, "" if small else "small", given)) == to_json(wanted)


@pytest.mark.parametrize("entry", ENTRIES, ids=[e.slug for e in ENTRIES])
def test_a_system_shows_every_setting_and_what_small_changes(entry, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    terminal.system(entry.slug)
    out = capsys.readouterr().out
    config = entry.module().Config
    shown, stage, small = {}, "", {path: value for path, value, _ in rows(config.small())}
    for line in out.splitlines():
        words = line.split()
        if words[1:] == ["value", "small", "meaning"]:
            stage = words[0]
        elif stage and words:
            shown.setdefault(f"{stage}.{words[0]}", words[1:])  # claims, further down, may begin with the same word
    for path, value, _ in rows(config()):
        assert shown[path][0] == _shown(value), path
        if small[path] != value:
            assert shown[path][1] == _shown(small[path]), path
    came_out = [e["verdict"] for e in ledger.known(entry.slug)]
    assert out.rstrip().endswith(came_out[-1] if came_out else "holds what came out")


def test_a_meaning_that_stages_share_is_told_once(capsys):
    terminal.system("lac")
    out = capsys.readouterr().out
    assert out.count("Frames between the starts of neighboring windows;") == 1
    assert "as in generator" in out and "as in segment" not in out


def test_output_for_another_program_is_not_broken_into_lines(capsys):
    terminal.system("halp")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) > 120 and "\x1b" not in out


def test_a_terminal_gets_lines_of_its_width(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    terminal.systems()
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80 and all(f"{e.slug} " in out for e in ENTRIES)


@pytest.mark.parametrize("name", list(SOURCES))
def test_every_source_tells_its_options(name, capsys):
    terminal.source(name)
    out = capsys.readouterr().out
    assert SOURCES[name].about in out
    known = [line.split()[0] for line in out.partition("option ")[2].splitlines()[1:] if line]
    assert known or "It has no options of its own." in out
    assert "path" not in known


def test_an_unknown_source_is_refused():
    with pytest.raises(InputError, match="no data is called 'x'; known: mocap, stage"):
        terminal.source("x")


def test_an_evaluation_shows_what_is_defined(capsys):
    nan = float("nan")
    metrics = {"frame_map": 0.5, "frame_map_2_actions": nan, "f1@10": 0.25, "odd": 1.0, "table_bytes": 66076.0}
    intervals = {"frame_map": (0.4, 0.61234), "f1@10": (nan, nan)}
    terminal.evaluation(Evaluation("segmentation", "knn-3", "[mine]", "test", metrics, intervals, {}, None))
    head, _, columns, *lines = capsys.readouterr().out.splitlines()
    assert head == "segmentation on [mine], split test, by knn-3" and columns.split()[:2] == ["metric", "value"]
    assert [line.split() for line in lines] == [
        ["frame_map", "0.5000", "0.4000", "to", "0.6123", "Frame", "mAP"],
        ["frame_map_2_actions", "undefined", "Frame", "mAP,", "two", "at", "once"],
        ["f1@10", "0.2500", "F1@10"],
        ["odd", "1.0000", "odd"],
        ["table_bytes", "66,076", "Bytes", "of", "values"],
    ]


def test_brackets_in_names_are_names(capsys):
    terminal.hits([Hit("[bold]a[/bold]", 0.0, 1.5, "[red]", "test", 0.25)])
    assert capsys.readouterr().out.splitlines()[1].split() == (
        ["[bold]a[/bold]", "0.00", "s", "1.50", "s", "[red]", "test", "0.2500"]
    )


def test_claims_show_difference_interval_and_verdict(capsys):
    terminal.claims([])
    assert "not run yet" in capsys.readouterr().out
    entry = {"claim": "a [b] wins", "metric": "top1", "ours": "b", "baseline": "a", "seeds": [0, 1], "verdict": "fails",
             "difference": {"mean": -0.25, "low": -0.5, "high": -0.125}}  # fmt: skip
    terminal.claims([entry])
    assert capsys.readouterr().out == ("a [b] wins\n  top1: b - a = -0.2500 (-0.5000 to -0.1250) over 2 seeds: fails\n")


def test_a_bar_is_drawn_in_a_terminal_only(monkeypatch, capsys):
    with terminal.reading("log", True) as watch:
        assert watch is None
    monkeypatch.setattr(terminal, "Console", lambda **given: Console(**given, force_terminal=True, width=100))
    with terminal.reading("log [1]", False) as watch:
        assert watch is None
    assert capsys.readouterr().err == ""
    with terminal.reading("log [1]", True) as watch:
        watch(1, 4)
        watch(4, 4)
    shown = capsys.readouterr().err
    assert "reading log [1]" in shown and "100%" in shown
