"""The report of a run: one self-contained HTML file, to look at and to send. It needs no network."""

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from acteme.atomic import write_text
from acteme.reports import charts, encoders, replay, scenes, words
from acteme.reports.colors import style
from acteme.reports.content import Page

if TYPE_CHECKING:
    from acteme.engine.run import Run
    from acteme.recordings.corpus import Corpus

BUDGET = 1_800_000
"""Bytes of the file that recordings may take together."""


def report(run: "Run | Path | str", data: "str | Path | Corpus | None" = None, to: Path | str | None = None) -> Path:
    """Writes the report of a run.

    Args:
        run: a run or its folder.
        data: what the player and the map of latents show; the data the run was trained on unless given.
        to: the file to write; report.html in the run's folder unless given.

    Returns:
        The file.

    Raises:
        InputError: not a run, or data that the run cannot read.
    """
    from acteme.engine.run import load
    from acteme.reports.gather import gather

    run = load(run)
    path = run.folder / "report.html" if to is None else Path(to)
    write_text(path, render(gather(run, data)))
    return path


def render(page: Page) -> str:
    """The page as HTML with its style, scripts and data inside."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    present = sorted(set(page.latents.label.tolist()), key=lambda k: (k < 0, k)) if page.latents else []
    shown = len(page.encoders["encoders"]) if page.encoders else 0
    return environment.from_string(_text("page.html")).render(
        page=page,
        css=Markup(style(max(len(page.classes), shown)) + _text("page.css")),
        script=Markup(_text("page.js") + (_text("scene.js") + _text("player.js") if page.replays else "")),
        replays=Markup(_replays(page)),
        present=[(k, page.classes[k] if k >= 0 else "no class") for k in present],
        wrong=charts.mistakes(page.confusion, page.classes) if page.confusion is not None else [],
        index={name: k for k, name in enumerate(page.classes)},
        percent=charts.percent,
        across=charts.across,
        shown=words.shown,
        number=charts.number,
        curve=charts.curve,
        ends=charts.ends,
        confusion=charts.confusion,
        latent_map=charts.latent_map,
        picture=scenes.picture,
        encoders=encoders.section,
        icon=lambda path: Markup('<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>').format(path),
    )


def _text(name: str) -> str:
    return files("acteme.reports").joinpath(name).read_text(encoding="utf-8")


def _replays(page: Page) -> str:
    """The recordings as JSON that may stand inside a script element."""
    if page.figure is None or not page.replays:
        return "{}"
    share = BUDGET // len(page.replays)
    values = {
        "classes": page.classes,
        "figure": {name: getattr(page.figure, name) for name in ("bones", "side", "head", "trails")},
        "replays": [replay.pack(r, page.figure, share) for r in page.replays],
    }
    return json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")
