"""What the README shows runs as written: with a world of seconds and one epoch per stage."""

import csv
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acteme.systems.recommend import icsrec
from tests.engine.logs import shop
from tests.tiny import command, shrink

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(heading: str) -> str:
    """The first code block under a heading."""
    found = re.search(rf"^## {heading}\n.*?```\w*\n(.*?)```", README, re.DOTALL | re.MULTILINE)
    assert found, f"the README has no code under {heading}"
    return found[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    shrink(monkeypatch, tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def test_the_python_example(folder, capsys):
    code = block("In Python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 5
    exec(compile(code, "README.md", "exec"), {})
    assert "'frame_map':" in capsys.readouterr().out
    assert (folder / "runs/first/report.html").stat().st_size > 100_000


def test_the_command_line_example(folder):
    said, lines = [], block("On the command line").splitlines()
    assert len(lines) <= 5
    for line in lines:
        program, *words = shlex.split(line, comments=True)
        assert program == "acteme"
        said.append(command(*words))
        assert said[-1].code == 0, f"{line}: {said[-1].err}"
        assert said[-1].out and said[-1].err == ""
    assert (folder / "runs/first/report.html").exists()
    with (folder / "timeline.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["recording"] for r in rows} <= {"test00000", "test00001"} and all(
        float(r["end"]) > float(r["start"]) for r in rows
    )


def test_the_example_of_clicks(folder, monkeypatch):
    small = icsrec.Config.small()
    short = replace(small.recommend, intents=4, recipe=replace(small.recommend.recipe, epochs=1))
    monkeypatch.setattr(icsrec.Config, "small", staticmethod(lambda: icsrec.Config(short)))
    (folder / "clicks.csv").write_text(shop(30))
    for line in block("From a CSV of clicks").splitlines():
        program, *words = shlex.split(line, comments=True)
        said = command(*words)
        assert program == "acteme" and said.code == 0 and said.out and said.err == "", f"{line}: {said.err}"
    rows = list(csv.DictReader((folder / "recommended.csv").open(newline="")))
    assert {r["user"] for r in rows} == {f"u{k}" for k in range(30)} and max(int(r["rank"]) for r in rows) == 5
    assert "Users" in (folder / "runs/shop/report.html").read_text()


def test_the_annotations_example(folder):
    table = block("Your own recordings")
    mine = folder / "mine"
    mine.mkdir()
    (mine / "annotations.csv").write_text(table)
    motion = np.random.default_rng(0).normal(size=(120, 1, 15, 3)).cumsum(0).astype(np.float32)
    np.savez(mine / "tuesday.npz", skeleton=motion, fps=30.0, layout="mocap15")
    joints = "ROOT a\n{\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\nEnd Site\n{\nOFFSET 0 1 0\n}\n}\n"
    frames = "\n".join(f"{k} 0 0" for k in range(120))
    (mine / "monday.bvh").write_text(f"HIERARCHY\n{joints}MOTION\nFrames: 120\nFrame Time: 0.033333\n{frames}\n")
    said = command("data", "check", mine)
    assert said.code == 2 and "monday.bvh" in said.out and "annotations.csv" not in said.out, said
    lines = [line for line in table.splitlines() if "monday" not in line]
    (mine / "annotations.csv").write_text("\n".join(lines) + "\n")
    said = command("data", "check", mine)
    assert said.code == 0 and "no problems" in said.out


def test_names_of_commands_in_the_text_exist():
    for words in re.findall(r"`acteme ([a-z]+)[^`]*`", README):
        assert command(words, "--help").code == 0
