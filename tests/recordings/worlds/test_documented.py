import inspect
import re
from pathlib import Path

import pytest

from acteme.recordings.worlds.crowd import crowd
from acteme.recordings.worlds.mocap import mocap
from acteme.recordings.worlds.newsroom import newsroom
from acteme.recordings.worlds.sequences import sequences
from acteme.recordings.worlds.shop import shop
from acteme.recordings.worlds.stage import stage

PAGE = Path(__file__).parents[3] / "docs" / "worlds.md"


@pytest.mark.parametrize("world", [crowd, mocap, newsroom, sequences, shop, stage])
def test_every_dial_is_in_the_docstring_and_on_the_page(world) -> None:
    dials = list(inspect.signature(world).parameters)
    section = PAGE.read_text().split(f"## `{world.__name__}`")[1].split("\n## ")[0]
    rows = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", section, re.M)))
    assert sorted(rows) == sorted(dials)
    for dial in dials:
        assert re.search(rf"^ +{dial}: ", inspect.getdoc(world) or "", re.M), dial


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"\]\((pictures/\w+\.png)\)", PAGE.read_text())
    assert len(pictures) == 7 and all((PAGE.parent / p).stat().st_size < 200_000 for p in pictures)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = PAGE.read_text().split("```python\n")[1].split("```")[0]
    exec(compile(code, "docs/worlds.md", "exec"), {})
    assert "Segment(" in (printed := capsys.readouterr().out) and "A person" in printed
