"""What people look at in a terminal: tables of systems, settings, data names, metrics and claims."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from acteme import catalog
from acteme.errors import InputError
from acteme.reports import ledger
from acteme.reports.words import COUNTS, title_and_meaning

if TYPE_CHECKING:  # at run time it would load torch
    from acteme.engine.concepts import Concept

UNBROKEN = 10_000
"""Columns of output that goes to a file or another program: lines are not broken."""


def concepts(found: "Sequence[Concept]", most: int = 20) -> None:
    """What latents stand for, the surest first, and how many do at all."""
    held = [c for c in found if c.interpretable]
    shown = (held or [c for c in found if c.concept])[:most]
    table = _table("latent", "stands for", "confidence", "precision", "recall", "active in", "silenced", "made from")
    for c in shown:
        _add(table, str(c.latent), c.concept, f"{c.confidence:.2f}", f"{c.precision:.2f}", f"{c.recall:.2f}",
             str(c.active), "" if c.effect is None else f"{c.effect:+.0%}",
             "; ".join(dict.fromkeys(c.cases)))  # fmt: skip
    if shown:
        _console().print(table)
    named, alive = sum(bool(c.concept) for c in found), sum(c.active > 0 for c in found)
    print(f"{len(held)} of {len(found)} latents stand for something that holds; {alive} are active, {named} often "
          "enough to be asked")  # fmt: skip


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=UNBROKEN, highlight=False)


def _table(*columns: str) -> Table:
    """A table without lines; the first column is never broken."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    return table


def _add(table: Table, *cells: str) -> None:
    """A row of texts as they are: brackets in names are no markup."""
    table.add_row(*map(Text, cells))


def systems(verb: str | None = None) -> None:
    """The catalog, or one verb of it."""
    if verb is not None and verb not in catalog.VERBS:
        raise InputError(f"no verb is called '{verb}'", mend="known: " + ", ".join(catalog.VERBS))
    chosen = [e for e in catalog.ENTRIES if verb in (None, e.verb)]
    if not chosen:
        print(f"no system to {verb} yet")
        return
    table = _table("system", "verb", "title", "paper", "reads", "task")
    for e in chosen:
        _add(table, e.slug, e.verb, e.title, e.venue, e.reads, e.task)
    _console().print(table)


def system(slug: str) -> None:
    """One system: paper, stages, every setting with its default, claim and what came out."""
    from acteme.engine.config import presets, rows

    e = catalog.find(slug)
    console = _console()
    console.print(f"[bold]{e.title}[/bold]\n{e.authors}, {e.venue}, https://arxiv.org/abs/{e.arxiv}\n")
    facts = _table("", "")
    facts.show_header = False
    for name, value in (("verb", e.verb), ("reads", e.reads), ("task", e.task),
                        ("stages", ", then ".join(name for name, _ in e.stages))):  # fmt: skip
        _add(facts, name, value)
    console.print(facts)
    console.print(
        f"\nSettings, to be changed by: acteme train {slug} DATA --set STAGE.NAME=VALUE\n"
        "They are the published ones; --small changes those that have a value in the column small."
    )
    config = e.module().Config
    if more := {name: what for name, what in presets(config).items() if name != "small"}:
        console.print("\nOther settings that come along, to be taken by: --preset NAME")
        table = _table("preset", "what it is")
        for name, what in more.items():
            _add(table, name, what)
        console.print(table)
    small = {path: value for path, value, _ in rows(config.small())}
    seen: dict[tuple[str, str], str] = {}
    for stage, settings in groupby(rows(config()), lambda row: row[0].partition(".")[0]):
        table = _table(stage, "value", "small", "meaning")
        for path, value, meaning in settings:
            name = path.partition(".")[2]
            first = seen.setdefault((name, meaning), stage)
            shown = meaning if first == stage else f"as in {first}"
            _add(table, name, _shown(value), "" if small.get(path) == value else _shown(small.get(path)), shown)
        console.print("")
        console.print(table)
    console.print(f"\n[bold]Claim[/bold]  {escape(e.claim)}")
    claims(ledger.known(slug))


def _shown(value: Any) -> str:
    """A setting as a cell; an empty text as its quotes."""
    return _text(value) or '""'


def _text(value: Any) -> str:
    """A setting as --set takes it."""
    if isinstance(value, tuple):
        if any(isinstance(part, str) and "," in part for part in value):
            return json.dumps(value, separators=(",", ":"))
        return ",".join(map(_text, value)) or "()"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def sources() -> None:
    """The names of data sets and worlds."""
    from acteme.recordings.sources import SOURCES

    table = _table("DATA", "what it is")
    for name, source in SOURCES.items():
        _add(table, f"{name}:PATH" if source.needs_path else name, source.about)
    console = _console()
    console.print(table)
    console.print(
        "\nDATA can also be the path of a folder with annotations.csv, of a converted data set or of one recording.\n"
        "Options follow a question mark, as in 'mocap?train=8&seed=1'; acteme data list NAME shows them.\n"
    )
    _common_options(console)


def _common_options(console: Console) -> None:
    """The options that every data set takes."""
    from acteme.recordings.options import described
    from acteme.recordings.sources import common

    about, options = described(common)
    table = _table("option", "default", "meaning")
    for row in options:
        _add(table, *row)
    console.print(f"{escape(about)}\n")
    console.print(table)


def source(name: str) -> None:
    """One name of data: what it gives and its options."""
    from acteme.recordings.options import described
    from acteme.recordings.sources import SOURCES

    if name not in SOURCES:
        raise InputError(f"no data is called '{name}'", mend="known: " + ", ".join(SOURCES))
    chosen = SOURCES[name]
    about, options = described(chosen.function())
    console = _console()
    console.print(
        f"[bold]{name}{':PATH' if chosen.needs_path else ''}[/bold]  {escape(chosen.about)}\n\n{escape(about)}\n"
    )
    table = _table("option", "default", "meaning")
    for row in options:
        _add(table, *row)
    console.print(table if options else "It has no options of its own.")
    console.print("")
    _common_options(console)


@contextmanager
def reading(title: str, on: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Within it, a bar in a terminal; gives what to call with how much is read and how much there is."""
    console = Console(stderr=True)
    if not (on and console.is_terminal):
        yield None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"reading {title}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(value: RenderableType) -> None:
    """Anything that knows how it looks."""
    _console().print(value)


def hits(found: Sequence[Any], unit: str = "s") -> None:
    """Places or captions that a search found, nearest first; in a log their events are counted."""
    texts = any(h.text for h in found)
    table = _table("recording", "start", "end", "label", "split", "similarity", *(["text"] if texts else []))
    for h in found:
        cells = [
            h.recording,
            *(f"{t:.2f} s" if unit == "s" else f"{t:.0f}" for t in (h.start, h.end)),
            h.label,
            h.split,
            f"{h.similarity:.4f}",
        ]
        _add(table, *cells, *([h.text] if texts else []))
    _console().print(table)


def evaluation(result: Any) -> None:
    """Metrics with their intervals, as far as they are defined."""
    console = _console()
    console.print(f"{result.task} on {result.data}, split {result.split}, by {result.protocol}\n", markup=False)
    table = _table("metric", "value", "95% interval", "")
    for name, value in result.metrics.items():
        low, high = result.intervals.get(name, (math.nan, math.nan))
        interval = f"{low:.4f} to {high:.4f}" if math.isfinite(low) and math.isfinite(high) else ""
        told = f"{value:,.0f}" if name in COUNTS else f"{value:.4f}"
        _add(table, name, told if math.isfinite(value) else "undefined", interval, title_and_meaning(name)[0])
    console.print(table)


def claims(entries: list[dict[str, Any]]) -> None:
    """What came out of a claim's comparisons."""
    console = _console()
    if not entries:
        console.print("not run yet: acteme claim runs it, and ./ledger holds what came out")
    for e in entries:
        d = e["difference"]
        seeds = len(e["seeds"])
        console.print(
            f"{escape(e['claim'])}\n  {e['metric']}: {e['ours']} - {e['baseline']} = {d['mean']:+.4f} "
            f"({d['low']:+.4f} to {d['high']:+.4f}) over {seeds} seeds: [bold]{e['verdict']}[/bold]"
        )
