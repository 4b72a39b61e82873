"""What people look at in a terminal: tables of systems, settings, data names, metrics and claims."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table

from acteme import catalog
from acteme.errors import InputError
from acteme.report import ledger


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


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
        table.add_row(e.slug, e.verb, e.title, f"{e.authors}, {e.venue}, arXiv {e.arxiv}", e.reads, e.task)
    Console().print(table)


def system(slug: str) -> None:
    """One system: paper, stages, every setting with its default, claim and what came out."""
    from acteme.engine.config import rows

    e = catalog.find(slug)
    console = Console()
    console.print(f"[bold]{e.title}[/bold]\n{e.authors}, {e.venue}, arXiv {e.arxiv}")
    console.print(f"verb {e.verb}, reads {e.reads}, task {e.task}, stages {' > '.join(name for name, _ in e.stages)}\n")
    table = _table("setting (for --set)", "official", "small", "meaning")
    module = e.module()
    small = {path: value for path, value, _ in rows(module.Config.small())}
    for path, value, meaning in rows(module.Config()):
        table.add_row(path, str(value), "" if small.get(path) == value else str(small.get(path)), meaning)
    console.print(table)
    console.print(f"\n[bold]Claim[/bold] {e.claim}")
    claims(ledger.read(Path("ledger"), slug))


def sources() -> None:
    """The names of data sets and worlds, with what they take."""
    from acteme.recordings.sources import SOURCES

    table = _table("DATA", "what it is")
    for name, source in SOURCES.items():
        table.add_row(f"{name}:PATH" if source.needs_path else name, source.about)
    console = Console()
    console.print(table)
    console.print("\nA path to a folder with annotations.csv, to a corpus or to one recording works as well.\n"
                  "Options follow a question mark: mocap?train=8&seed=1")  # fmt: skip


def show(value: RenderableType) -> None:
    """Anything that knows how it looks."""
    Console().print(value)


def hits(found: Sequence[Any]) -> None:
    """Places that a search found, nearest first."""
    table = _table("recording", "start", "end", "label", "split", "similarity")
    for h in found:
        table.add_row(h.recording, f"{h.start:.2f} s", f"{h.end:.2f} s", h.label, h.split, f"{h.similarity:.4f}")
    Console().print(table)


def evaluation(result: Any) -> None:
    """Metrics with their intervals."""
    console = Console()
    console.print(f"{result.task}, {result.protocol}, {result.data}, split {result.split}")
    table = _table("metric", "value", "95% interval")
    for name, value in result.metrics.items():
        low, high = result.intervals.get(name, (None, None))
        table.add_row(name, f"{value:.4f}", "" if low is None else f"{low:.4f} to {high:.4f}")
    console.print(table)


def claims(entries: list[dict[str, Any]]) -> None:
    """What came out of a claim's comparisons."""
    console = Console()
    if not entries:
        console.print("No result in the ledger of this folder.")
    for e in entries:
        d = e["difference"]
        seeds = len(e["seeds"])
        console.print(
            f"{e['claim']}\n  {e['metric']}: {e['ours']} - {e['baseline']} = {d['mean']:+.4f} "
            f"[{d['low']:+.4f}, {d['high']:+.4f}] over {seeds} seeds: [bold]{e['verdict']}[/bold]"
        )
