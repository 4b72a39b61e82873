"""Writes the generated parts of the README, of docs (data, batch, deviations), of the ledger and of the benchmarks.

Run with `make docs`; a test fails where a generated part is out of date.
"""

import inspect
import json
import re
from pathlib import Path

from acteme import catalog
from acteme.recordings import batch
from acteme.recordings.batch import VOCABULARY
from acteme.recordings.options import described
from acteme.recordings.skeleton.layouts import LAYOUTS
from acteme.recordings.sources import SOURCES, common
from acteme.reports import ledger

ROOT = Path(__file__).parent.parent


def systems_table() -> str:
    """The catalog as a Markdown table, with what came out of each claim."""
    lines = ["| system | verb | title | paper | task | claim |", "| --- | --- | --- | --- | --- | --- |"]
    for e in catalog.ENTRIES:
        verdicts = [entry["verdict"] for entry in ledger.read(ROOT / "ledger", e.slug)]
        came_out = ", ".join(f"{verdicts.count(v)} {v}" for v in ("holds", "undecided", "fails") if v in verdicts)
        paper = f"{e.authors}, {e.venue}, [{e.arxiv}](https://arxiv.org/abs/{e.arxiv})"
        claim = f"[{came_out or 'not run'}](ledger/README.md)"
        lines.append(f"| `{e.slug}` | {e.verb} | {e.title} | {paper} | {e.task} | {claim} |")
    return "\n".join(lines)


def fill(text: str, name: str, made: str) -> str:
    """The text with what stands between its marks `<!-- name -->` and `<!-- /name -->` renewed."""
    pattern = re.compile(rf"(<!-- {name} -->).*?(<!-- /{name} -->)", re.DOTALL)
    return pattern.sub(lambda m: m[1] + made + m[2], text, count=1)


def readme() -> str:
    """README.md with its generated table renewed."""
    return fill((ROOT / "README.md").read_text(), "systems", f"\n{systems_table()}\n")


def data_page() -> str:
    """docs/data.md with the layouts and the sources, from the readers' docstrings."""
    parts = []
    for name, source in SOURCES.items():
        about, options = described(source.function())
        parts += ["", f"### `{name}{':PATH' if source.needs_path else ''}`", "", about, ""]
        parts += [
            f"- `{option}`{f' ({default})' if default else ''}: {meaning}" for option, default, meaning in options
        ]
    text = fill((ROOT / "docs/data.md").read_text(), "layouts", ", ".join(f"`{n}`" for n in LAYOUTS))
    about, options = described(common)
    lines = [about, "", *(f"- `{option}`: {meaning}" for option, _, meaning in options)]
    text = fill(text, "every", "\n" + "\n".join(lines) + "\n")
    return fill(text, "sources", "\n" + "\n".join(parts).strip("\n") + "\n")


def deviations() -> str:
    """The Deviations sections of all systems on one page."""
    parts = [
        "# Deviations",
        "",
        "Where a system differs from its official code, and why. Generated from the docstrings.",
    ]
    for e in catalog.ENTRIES:
        doc = inspect.getdoc(e.module()) or ""
        _, found, text = doc.partition("**Deviations**")
        if not found:
            raise SystemExit(f"{e.module_name}: its docstring has no **Deviations**")
        parts += ["", f"## {e.title}", "", text.strip(" \n.:")]
    return "\n".join(parts) + "\n"


def vocabulary() -> str:
    """The batch vocabulary as a page."""
    head = (batch.__doc__ or "").split("\n", 2)[2].strip()
    lines = ["# The batch vocabulary", "", head, "", "| name | shape | type | meaning |", "| --- | --- | --- | --- |"]
    for name, e in VOCABULARY.items():
        dtype = str(e.dtype).removeprefix("torch.")
        lines.append(f"| `{name}` | ({', '.join(e.shape.split())}) | {dtype} | {e.meaning} |")
    return "\n".join(lines) + "\n"


def benchmarks() -> str:
    """benchmarks/README.md with its table of results, and what bounds each."""
    results = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "benchmarks/results").glob("*.json"))}
    lines = ["| what | against | ratio | machine |", "| --- | --- | --- | --- |"]
    bounds = ["", "What bounds them:", ""]
    for name, result in results.items():
        machine = result["machine"]
        lines += [f"| {r['what']} | {r['against']} | {r['ratio']:g} {r['unit']} | {machine} |" for r in result["rows"]]
        bounds.append(f"- `{name}.py`: {result['bound_by']}.")
    return fill((ROOT / "benchmarks/README.md").read_text(), "results", "\n" + "\n".join(lines + bounds) + "\n")


def pages() -> dict[Path, str]:
    """Every generated file with what it should hold."""
    return {
        ROOT / "README.md": readme(),
        ROOT / "docs/deviations.md": deviations(),
        ROOT / "docs/data.md": data_page(),
        ROOT / "docs/batch.md": vocabulary(),
        ROOT / "ledger/README.md": ledger.page(ROOT / "ledger"),
        ROOT / "benchmarks/README.md": benchmarks(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
