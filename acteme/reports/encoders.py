"""The comparison of skeleton encoders: as a Markdown page, as an HTML page, and as a section of a run's report."""

import json
import math
from importlib.resources import files
from pathlib import Path
from statistics import mean
from typing import Any

import jinja2
from markupsafe import Markup

from acteme.reports.colors import style

WIDTH, HEIGHT, MARGIN = 520, 352, (28, 20, 46, 48)
"""Size of a chart, and its margins: top, right, bottom, left."""


def known() -> dict[str, Any] | None:
    """The comparison of the checkout that this code is in; None where it has none."""
    path = Path(__file__).parents[2] / "docs" / "encoders" / "encoders.json"
    return json.loads(path.read_text()) if path.is_file() else None


def summary(made: dict[str, Any]) -> str:
    """What was done, in a paragraph."""
    p = made["protocol"]
    sets = "; ".join(f"`{name}` ({d['classes']} classes, {d['train']} clips to train, {d['test']} to test)"
                     for name, d in made["data"].items())  # fmt: skip
    return (
        "Every encoder in its small setting, trained from random weights with a linear layer on its pooled latents: "
        f"the same clips, random crops ({p['crop'][0]:g} to {p['crop'][1]:g} of a clip, {p['frames']} frames) and "
        f"rotations (up to {p['rotation']:g} radians), {p['epochs']} epochs in batches of {p['batch']}, AdamW "
        f"with a cosine schedule, the better of the learning rates {', '.join(f'{r:g}' for r in p['rates'])} on a "
        f"held-out part of the training clips. Accuracy: mean over {made['seeds']} seeds, and their range. Parameters "
        "and multiply-adds (counted twice) are those that the latents of one clip need; speed is clips per second on "
        f"one thread, against {made['encoders'][0]['name']}, in one run. Data: {sets}."
    )


def reading(made: dict[str, Any]) -> str:
    """What to know when reading it, in a paragraph."""
    p = made["protocol"]
    steps = " and ".join(f"{p['epochs'] * max(1, d['train'] // p['batch'])}" for d in made["data"].values())
    return (
        f"So few steps ({steps}) show what an encoder learns from little, not where a long training ends. What a "
        "system does to its input is a part of its encoder: BRL turns every body to its own axes, CAR's transformer "
        "sees standardized positions relative to the root, with velocities, PCAN's heatmaps show it in its own box; "
        "the others move a body to the origin at most, and have to learn what views and places have in common."
    )


def rows(made: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table's rows: name, accuracy on each data set, then parameters, operations and speed, small and official."""
    out = []
    for e in made["encoders"]:
        cells = [e["name"]]
        for values in e["accuracy"].values():
            low, high = 100 * min(values), 100 * max(values)
            cells.append(f"{100 * mean(values):.1f} ({low:.1f} to {high:.1f})")
        for size in ("small", "official"):
            c = e[size]
            cells += [f"{c['parameters'] / 1e6:.2f}", f"{c['flops'] / 1e9:.3f}", f"{c['speed']:.2f}"]
        out.append(tuple(cells))
    return out


def heads(made: dict[str, Any]) -> tuple[str, ...]:
    """The table's column titles."""
    cost = ("M parameters", "GFLOP", "speed")
    return ("encoder", *(f"{_short(name)}, %" for name in made["data"]), *cost, *(f"{c}, official" for c in cost))


def _short(data: str) -> str:
    return data.partition("?")[0]


def markdown(made: dict[str, Any]) -> str:
    """The comparison as a Markdown page."""
    columns = heads(made)
    lines = ["# Skeleton encoders under one protocol", "", summary(made), "", reading(made), ""]
    lines += ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(made)]
    lines += ["", f"Made by `acteme compare` at commit {made['commit']} on {made['machine']}. Run it on your own data: "
              "`acteme compare DATA`."]  # fmt: skip
    return "\n".join(lines) + "\n"


def html(made: dict[str, Any]) -> str:
    """The comparison as a self-contained HTML page."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    folder = files("acteme.reports")
    return environment.from_string(folder.joinpath("encoders.html").read_text(encoding="utf-8")).render(
        css=Markup(style(len(made["encoders"])) + folder.joinpath("page.css").read_text(encoding="utf-8")),
        section=section(made),
        foot=f"Made at commit {made['commit']} on {made['machine']}. This file needs no network.",
    )


def section(made: dict[str, Any], slug: str = "") -> Markup:
    """Charts and table as a fragment; rows of the system `slug` stand out."""
    charts = Markup("").join(chart(made, name, slug) for name in made["data"])
    head = Markup("").join(Markup('<th scope="col"{}>{}</th>').format(Markup(' class="n"') if k else "", title)
                           for k, title in enumerate(heads(made)))  # fmt: skip
    body = Markup("")
    for e, cells in zip(made["encoders"], rows(made), strict=True):
        first = Markup('<th scope="row">{}</th>').format(Markup("<strong>{}</strong>").format(cells[0])
                                                         if e["slug"] == slug else cells[0])  # fmt: skip
        rest = Markup("").join(Markup('<td class="n">{}</td>').format(c) for c in cells[1:])
        body += Markup("<tr>{}{}</tr>").format(first, rest)
    return Markup(
        '<p class="lead">{}</p><p class="lead">{}</p><div class="charts">{}</div><div class="scroll"><table><thead>'
        "<tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(summary(made).replace("`", ""), reading(made), charts, head, body)


def chart(made: dict[str, Any], data: str, slug: str = "") -> Markup:
    """Accuracy over operations per clip (logarithmic), a dot an encoder, with the range over the seeds."""
    top, right, bottom, left = MARGIN
    flops = [math.log10(e["small"]["flops"]) for e in made["encoders"]]
    values = [e["accuracy"][data] for e in made["encoders"]]
    low, high = min(map(min, values)), max(map(max, values))
    pad = 0.08 * (high - low) or 0.01
    low, high = max(low - pad, 0.0), min(high + pad, 1.0)
    first, last = min(flops) - 0.12, max(flops) + 0.12

    def x(value: float) -> float:
        return left + (value - first) / (last - first) * (WIDTH - left - right)

    def y(value: float) -> float:
        return top + (high - value) / (high - low) * (HEIGHT - top - bottom)

    parts = []
    step = _step(100 * (high - low)) / 100
    for k in range(math.ceil(low / step), math.floor(high / step) + 1):
        at = y(k * step)
        parts.append(f'<line class="grid" x1="{left}" x2="{WIDTH - right}" y1="{at:.1f}" y2="{at:.1f}"/>'
                     f'<text class="y" x="{left - 8}" y="{at:.1f}">{100 * k * step:g}</text>')  # fmt: skip
    for power in range(math.floor(first), math.ceil(last) + 1):
        for digit in (1, 2, 5):
            value = power + math.log10(digit)
            if first <= value <= last:
                parts.append(f'<text class="x" x="{x(value):.1f}" y="{HEIGHT - bottom + 18}">'
                             f"{10 ** (value - 9):.3g}</text>")  # fmt: skip
    for k, (e, f, v) in enumerate(zip(made["encoders"], flops, values, strict=True)):
        tip = f"{e['name']}: {100 * mean(v):.1f}% ({100 * min(v):.1f} to {100 * max(v):.1f}), {10**f / 1e9:.3f} GFLOP"
        size = 8 if e["slug"] == slug else 6
        color = f"fill:var(--k{k});stroke:var(--k{k})"
        parts.append(f'<g style="{color}"><title>{Markup.escape(tip)}</title>'
                     f'<line x1="{x(f):.1f}" x2="{x(f):.1f}" y1="{y(min(v)):.1f}" y2="{y(max(v)):.1f}"/>'
                     f'<circle cx="{x(f):.1f}" cy="{y(mean(v)):.1f}" r="{size}"/></g>')  # fmt: skip
    keys = Markup("").join(Markup('<li><i style="background:var(--k{})"></i>{}</li>').format(k, e["name"])
                           for k, e in enumerate(made["encoders"]))  # fmt: skip
    what = f"Top-1 accuracy on {_short(data)} over operations per clip"
    return Markup(
        f'<figure class="scatter"><figcaption>{Markup.escape(what)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{Markup.escape(what)}; the table has the numbers">'
        f'{"".join(parts)}<text class="title" x="{(left + WIDTH - right) / 2}" y="{HEIGHT - 6}">GFLOP per clip</text>'
        f'<text class="y" x="{left - 8}" y="{top - 16}">%</text></svg><ul class="legend">{keys}</ul></figure>'
    )


def _step(span: float) -> float:
    """A round step that divides a span into about five."""
    raw = max(span, 1e-6) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
