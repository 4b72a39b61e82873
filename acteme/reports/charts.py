"""Charts as inline SVG: training curves, confusion matrix, map of latents. Colors come from the page's style."""

import math
from html import escape

import numpy as np
from jaxtyping import Float, Int
from markupsafe import Markup

from acteme.reports.content import Curve, LatentMap

POINTS = 240
"""Points that a curve is drawn with at most."""


def percent(value: float, digits: int = 1) -> str:
    """A fraction in percent, without the sign; a dash where it is undefined."""
    return f"{100 * value:.{digits}f}" if math.isfinite(value) else "–"  # noqa: RUF001


def across(value: float) -> str:
    """Where a fraction lies on a bar from 0 to 1, in percent, with the sign: gains may be negative, bars end there."""
    return f"{100 * min(max(value, 0.0), 1.0) if math.isfinite(value) else 0.0:.2f}%"


def number(value: float) -> str:
    """A number in few characters."""
    if not math.isfinite(value):
        return "–"  # noqa: RUF001
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def thinned(curve: Curve, most: int = POINTS) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Steps and values of a curve, means of equal stretches where there are more than `most`; NaN left out."""
    kept = np.isfinite(curve.value)
    step, value = curve.step[kept].astype(float), curve.value[kept].astype(float)
    if len(step) > most:
        cuts = np.linspace(0, len(step), most + 1).astype(int)[:-1]
        count = np.diff(np.append(cuts, len(step)))
        step, value = (np.add.reduceat(x, cuts) / count for x in (step, value))
    return step, value


def smoothed(value: Float[np.ndarray, " m"], share: float = 0.08) -> Float[np.ndarray, " m"]:
    """Mean over a window of so large a share of the curve, narrower at its ends."""
    reach = int(len(value) * share / 2)
    total = np.concatenate([[0.0], np.cumsum(value)])
    at = np.arange(len(value))
    near = np.minimum(reach, np.minimum(at, len(value) - 1 - at))
    return (total[at + near + 1] - total[at - near]) / (2 * near + 1)


def ends(c: Curve) -> tuple[float, float]:
    """First and last value of the smoothed curve; NaN where nothing was logged."""
    line = smoothed(thinned(c)[1])
    return (float(line[0]), float(line[-1])) if len(line) else (math.nan, math.nan)


def curve(c: Curve, width: int = 300, height: int = 120) -> Markup:
    """A training curve: raw values faint, smoothed ones strong, logarithmic where the values span a wide range."""
    step, value = thinned(c)
    if not len(step):
        return Markup("")
    line = smoothed(value)
    low, high = np.quantile(value, [0.1, 0.9])
    scale = np.log10 if value.min() > 0 and high / low > 50 else np.asarray
    shown = scale(np.quantile(value, [0.005, 0.995]))
    low, high = float(min(shown[0], scale(line).min())), float(max(shown[1], scale(line).max()))
    span = high - low if high - low > 1e-9 * max(abs(low), abs(high)) else 1.0  # the mean of equal numbers may waver
    first, last = float(step[0]), float(step[-1])
    x = (step - first) / ((last - first) or 1.0) * width
    paths = []
    for name, y in (("raw", value), ("line", line)):
        y = height - 6 - np.clip((scale(y) - low) / span, 0, 1) * (height - 12)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        paths.append(f'<polyline class="{name}" points="{points}"/>')
    data = ";".join(f"{a:.0f},{b:.4g}" for a, b in zip(step, line, strict=True))
    what = f"{c.name} goes from {number(line[0])} to {number(line[-1])} over {last - first:,.0f} steps"
    return Markup(
        f'<svg class="curve" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(what)}" data-curve="{data}"><line class="base" x1="0" x2="{width}" y1="{height - 1}" '
        f'y2="{height - 1}"/>{"".join(paths)}<line class="cross" y1="0" y2="{height}" hidden=""/></svg>'
    )


def confusion(counts: Int[np.ndarray, "k k"], classes: tuple[str, ...]) -> Markup:
    """The confusion matrix: true class in rows, predicted class in columns, each row shaded by its shares."""
    k = len(counts)
    cell = 34 if k <= 12 else 26 if k <= 24 else 16 if k <= 48 else 10
    font = min(12, cell - 2) if k <= 48 else 8
    room = 8 + round(0.6 * font * max((len(c) for c in classes), default=0))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    parts = []
    for i, row in enumerate(counts):
        y = room + i * cell
        name = escape(classes[i])
        parts.append(f'<text class="row" x="{room - 6}" y="{y + cell / 2}">{name}</text>')
        parts.append(f'<text class="column" transform="translate({y + cell / 2} {room - 6}) rotate(-60)">{name}</text>')
        for j, n in enumerate(row):
            tip = f"true {classes[i]}, predicted {classes[j]}: {n} of {row.sum()} ({percent(share[i, j], 0)}%)"
            kind = "cell hit" if i == j else "cell"
            strength = f"{share[i, j]:.3f}".rstrip("0").rstrip(".")
            parts.append(
                f'<rect class="{kind}" x="{room + j * cell}" y="{y}" width="{cell - 1}" height="{cell - 1}" '
                f'style="--s:{strength}" data-tip="{escape(tip)}"/>'
            )
            if n and cell >= 26:
                strong = " strong" if share[i, j] > 0.5 else ""
                parts.append(f'<text class="count{strong}" x="{room + (j + 0.5) * cell}" y="{y + cell / 2}">{n}</text>')
    side = room + k * cell
    top = round(0.9 * room)
    return Markup(
        f'<svg class="confusion" width="{side + top // 2}" height="{side}" viewBox="0 0 {side + top // 2} {side}" '
        f'style="font-size:{font}px" role="img" aria-label="Confusion matrix of {k} classes; the table of the most '
        f'frequent confusions follows">{"".join(parts)}</svg>'
    )


def mistakes(
    counts: Int[np.ndarray, "k k"], classes: tuple[str, ...], most: int = 6
) -> list[tuple[str, str, int, float]]:
    """The most frequent confusions: true class, predicted class, count, share of the true class."""
    wrong = counts * (1 - np.eye(len(counts), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(at), len(counts)) for at in order]
    return [(classes[i], classes[j], int(wrong[i, j]), wrong[i, j] / counts[i].sum()) for i, j in pairs if wrong[i, j]]


def latent_map(m: LatentMap, classes: tuple[str, ...], width: int = 800, height: int = 520) -> Markup:
    """A dot per window at its place in the first projection; the page's script moves them to the others."""
    places = {name: fitted(xy, width, height) for name, xy in m.methods.items()}
    first = next(iter(places.values()))
    dots = []
    for i, k in enumerate(m.label):
        name = classes[k] if k >= 0 else "no class"
        when = f"{m.start[i]:.1f}-{m.end[i]:.1f} s" if m.unit == "s" else f"{m.unit[:-1]} {m.end[i]:.0f}"
        tip = f"{name} · {m.recording[i]} · {when}"
        color = f"var(--k{k})" if k >= 0 else "var(--muted)"
        x, y = first[i]
        dots.append(
            f'<circle r="5" style="fill:{color};transform:translate({x}px,{y}px)" data-k="{k}" '
            f'data-tip="{escape(tip)}" data-recording="{escape(m.recording[i])}" data-start="{m.start[i]:.2f}"/>'
        )
    others = ";".join(" ".join(f"{x},{y}" for x, y in xy) for xy in places.values())
    what = f"Map of {len(m.label)} windows, colored by class"
    return Markup(
        f'<svg class="map" viewBox="0 0 {width} {height}" role="img" aria-label="{what}" data-places="{others}">'
        f"{''.join(dots)}</svg>"
    )


def fitted(xy: Float[np.ndarray, "n 2"], width: int, height: int, margin: int = 14) -> Int[np.ndarray, "n 2"]:
    """Positions scaled into the frame, each axis on its own; outliers (by 2.5 quartile ranges) are kept at its edge."""
    first, third = np.quantile(xy, [0.25, 0.75], axis=0)
    reach = 2.5 * (third - first)
    low, high = np.maximum(xy.min(axis=0), first - reach), np.minimum(xy.max(axis=0), third + reach)
    share = np.clip((xy - low) / np.where(high > low, high - low, 1.0), 0, 1)
    room = np.array([width - 2 * margin, height - 2 * margin])
    return np.rint(margin + np.stack([share[:, 0], 1 - share[:, 1]], axis=1) * room).astype(int)
