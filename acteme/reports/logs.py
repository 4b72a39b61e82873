"""Collects what a report shows of a run on logs: users and what they were offered, events, and a map of latents."""

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int

from acteme.engine.answers.recommendations import best, named_parts, reasons
from acteme.engine.answers.words import Words
from acteme.engine.concepts import found_for, read
from acteme.engine.foretell import chances
from acteme.engine.host import can_predict
from acteme.engine.interpret import Tags
from acteme.engine.latents import encoded, log_latents
from acteme.engine.logs import has_users, held_out, met
from acteme.engine.measures.anomalies import oddities
from acteme.engine.measures.ranking import choose, shown, told
from acteme.engine.run import Run
from acteme.recordings.corpus import Corpus
from acteme.reports.content import Event, LatentMap, Meaning, Offer, Page, User
from acteme.reports.projections import projections
from acteme.tasks.inspection import CONFIDENT
from acteme.tasks.places import Lists

USERS, ITEMS, LATEST = 6, 8, 10
"""Users that are shown, items that each is offered, and events of a history."""
MEANINGS = 40
"""Latents that are shown with what they stand for."""
EVENTS = 24
"""Events that are shown at most."""
DOTS, GROUPS = 800, 10
"""Windows in the map of latents at most, and colors in it."""


def with_logs(page: Page, run: Run, corpus: Corpus) -> Page:
    """The page with what its task shows."""
    if can_predict(run):
        page = SHOWN[run.entry.task](page, run, corpus)
    return _with_latents(page, run, corpus) if run.can("encode") else page


@torch.no_grad()
def _with_users(page: Page, run: Run, corpus: Corpus) -> Page:
    """Some users, spread over the split, as they were before their last event; nothing of a log without items."""
    if "item" not in corpus.arrays:
        return page
    stage, words = run.stage_with("predict"), Words(corpus)
    module, windows = run.module(stage), getattr(run.config, stage).windows
    kind = choose(corpus, module)
    profiles = kind == "profiles"
    able = np.flatnonzero(corpus.frames > (0 if profiles else 1))
    if not len(able):
        return page
    index = able[np.unique(np.linspace(0, len(able) - 1, USERS).astype(int))]
    before = corpus.frames[index] - (0 if profiles else 1)
    batch = shown(module, corpus, index, before, windows, kind)
    made = told(module, batch)
    seen = met(corpus, index, before) if kind in ("full", "sampled") else Lists.of([()] * len(index))
    items, scores = best(made, seen, corpus.spec.items)
    why = reasons(module, batch, items[:, :ITEMS], named_parts(run, words))
    users = []
    for n, i in enumerate(index.tolist()):
        events = corpus[i].arrays["item"]
        came = set(events.tolist()) if profiles else {int(events[-1])}
        here = np.flatnonzero(np.isin(items[n], list(came)) & np.isfinite(scores[n]))
        known = int(np.isfinite(scores[n]).sum())
        place = f"place {here[0] + 1:,} of {known:,}" if len(here) else "not among the candidates"
        offers = tuple(
            Offer(_title(words, k), float(score), k in came, "; ".join(name for name, _ in parts))
            for k, score, parts in zip(items[n, :ITEMS].tolist(), scores[n], why[n] or [()] * ITEMS, strict=False)
            if math.isfinite(score)
        )
        past = () if profiles else tuple(_title(words, k) for k in events[:-1].tolist()[-LATEST:])
        name = str(corpus.column("subject")[i] or corpus.column("name")[i])
        what = ", ".join(_title(words, k) for k in sorted(came - {0}))
        users.append(User(name, str(corpus.column("text")[i]), past, int(before[n]), what, place, offers))
    return replace(page, users=tuple(users))


def _with_meanings(page: Page, run: Run, corpus: Corpus) -> Page:
    """Users, and what the latents stand for, as far as that was looked for."""
    page = _with_users(page, run, corpus)
    found, all_ = found_for(run), read(run)
    if not all_:
        return replace(
            page, notes=(*page.notes, f"What its latents stand for is found by: acteme concepts {run.name}.")
        )
    held = [c for c in all_ if c.interpretable]
    who = "the tags of the catalog" if found["interpreter"] == Tags.name else found["interpreter"]
    about = (
        f"{len(held):,} of {len(all_):,} latents stand for something that holds, by {who} on the {found['split']} "
        f"split: it tells at least {CONFIDENT:.0%} of further cases rightly. {sum(c.active > 0 for c in all_):,} are "
        "active at all."
    )
    told = tuple(
        Meaning(c.latent, c.concept, c.confidence, c.precision, c.recall, c.active,
                c.effect, "; ".join(dict.fromkeys(c.cases)))
        for c in (held or [c for c in all_ if c.concept])[:MEANINGS]
    )  # fmt: skip
    return replace(page, meanings=told, meanings_about=about)


def _with_chances(page: Page, run: Run, corpus: Corpus) -> Page:
    """Events spread from the least to the most likely."""
    stage, words = run.stage_with("predict"), Words(corpus)
    module, windows = run.module(stage), getattr(run.config, stage).windows
    index, last = held_out(corpus, 2 if windows.prefixes else 1)
    if not len(index):
        return page
    some = np.unique(np.linspace(0, len(index) - 1, 20 * EVENTS).astype(int))
    index, last = index[some], last[some]
    value = chances(module, corpus, index, last, windows, 64)
    order = np.argsort(-value, kind="stable")
    order = order[np.unique(np.linspace(0, len(order) - 1, EVENTS).astype(int))]
    rating = getattr(module, "protocol", "").startswith("ratings")
    events = _events(corpus, words, index[order], last[order], value[order])
    score = "Expected" if rating else "Chance"
    about = (
        f"Events of the test split, from the {'highest' if rating else 'likeliest'} on, each foretold from what was "
    )
    about += "known before it."
    return replace(page, events=events, events_title="Events", events_about=about,
                   columns=("Time", score, *_names(corpus), "Came"))  # fmt: skip


def _with_oddities(page: Page, run: Run, corpus: Corpus) -> Page:
    """The oddest events, with the pair of values that does not fit."""
    stage, words = run.stage_with("predict"), Words(corpus)
    module, windows = run.module(stage), getattr(run.config, stage).windows
    index, last = held_out(corpus)
    scores, pairs = oddities(module, corpus, index, last, windows, 64)
    order = np.argsort(-scores, kind="stable")
    fields = corpus.arrays["field"][corpus.column("offset")[index] + last]
    alike = np.unique(fields[order], axis=0, return_index=True)[1]  # one of each kind: logs repeat themselves
    order = order[np.sort(alike)][:EVENTS]
    about = f"The oddest events of {_where(corpus)}, each combination of values once."
    if pairs is not None:
        about += " The two values that go together least are marked."
    if corpus.unnumbered is not None:
        about += " New are values that training met too rarely to know them, or never."
    events = _events(corpus, words, index[order], last[order], scores[order], None if pairs is None else pairs[order])
    return replace(page, events=events, events_title="Odd events", events_about=about,
                   columns=("Time", "Oddity", *_names(corpus), "Label"))  # fmt: skip


def _where(corpus: Corpus) -> str:
    """What is shown, in words."""
    return "the test split" if set(corpus.column("split")) == {"test"} else "the data"


def _names(corpus: Corpus) -> tuple[str, ...]:
    user = ("User",) if has_users(corpus) else ()
    item = ("Item",) if "item" in corpus.arrays else ()
    return (*user, *item, *corpus.spec.fields)


def _events(
    corpus: Corpus,
    words: Words,
    index: Int[np.ndarray, " n"],
    last: Int[np.ndarray, " n"],
    score: np.ndarray,
    pairs: Int[np.ndarray, "n 2"] | None = None,
) -> tuple[Event, ...]:
    where = corpus.column("offset")[index] + last
    arrays, times, users = corpus.arrays, words.moments(where, last), corpus.column("subject")
    out = []
    for n, (i, at) in enumerate(zip(index.tolist(), where.tolist(), strict=True)):
        cells = [(str(users[i]), False)] if has_users(corpus) else []
        cells += [(_title(words, int(arrays["item"][at])), False)] if "item" in arrays else []
        if "field" in arrays:
            marked = set() if pairs is None else set(pairs[n].tolist())
            new = words.new(at)
            said = [(f"{value} (new)" if name in new else value) for name, value in words.said(at)]
            cells += [(value, k in marked) for k, value in enumerate(said)]
        came = f"{float(arrays['outcome'][at]):g}" if "outcome" in arrays else ""
        out.append(Event(times[n], float(score[n]), tuple(cells), came))
    return tuple(out)


def _title(words: Words, item: int) -> str:
    return words.titles[item] or words.items[item]


def _with_latents(page: Page, run: Run, corpus: Corpus) -> Page:
    stage = run.stage_with("encode")
    index, last = encoded(corpus)
    some = np.unique(np.linspace(0, len(index) - 1, DOTS).astype(int))
    if len(some) < 3:
        return page
    index, last = index[some], last[some]
    windows = getattr(run.config, stage).windows
    found = list(log_latents(run.module(stage), corpus, windows, 64, (index, last)))
    _, start, end, vectors = (np.concatenate(column) for column in zip(*found, strict=True))
    names, label, what = groups(corpus, index, last)
    users = has_users(corpus)
    of = corpus.column("subject" if users else "name")[index]
    colors = f", each in the color of {what}" if what else ""
    about = (
        f"Latents of stage {stage} for {len(index):,} {'users' if users else 'events'} of {_where(corpus)}{colors}. "
        f"Hover for the {'user' if users else 'event'}."
    )
    made = LatentMap(projections(vectors), label, tuple(of.tolist()), start, end, "events")
    return replace(page, latents=made, latents_about=about, classes=names)


def groups(
    corpus: Corpus, index: Int[np.ndarray, " n"], last: Int[np.ndarray, " n"]
) -> tuple[tuple[str, ...], Int[np.ndarray, " n"], str]:
    """Names of groups of users or events, the group of each (-1: none), and what a group is, in words.

    By categories of items: the one of the most frequent ten that is farthest above its share among all. Otherwise by
    the first field that has several values.
    """
    known = corpus.catalog
    if "item" in corpus.arrays and known is not None and "categories" in known.column_names:
        return _by_category(corpus, index, last)
    several = [k for k, size in enumerate(corpus.spec.sizes) if size > 2]
    if not several:
        return (), np.full(len(index), -1), ""
    k = several[0]
    value = corpus.arrays["field"][corpus.column("offset")[index] + last, k]
    count = np.bincount(value, minlength=corpus.spec.sizes[k])
    count[0] = 0
    top = np.argsort(-count, kind="stable")[:GROUPS]
    top = top[count[top] > 0]
    place = np.full(corpus.spec.sizes[k], -1)
    place[top] = np.arange(len(top))
    return tuple(Words(corpus).values[k][v] for v in top.tolist()), place[value], f"its {corpus.spec.fields[k]}"


def _by_category(
    corpus: Corpus, index: Int[np.ndarray, " n"], last: Int[np.ndarray, " n"]
) -> tuple[tuple[str, ...], Int[np.ndarray, " n"], str]:
    assert corpus.catalog is not None
    told = [some or [] for some in corpus.catalog["categories"].to_pylist()]
    names = sorted({name for some in told for name in some})
    number = {name: k for k, name in enumerate(names)}
    marks = np.zeros((len(told) + 1, len(names)))
    for item, some in enumerate(told, 1):
        marks[item, [number[name] for name in some]] = 1
    seen = met(corpus, index, last + 1)
    total = np.zeros((len(index), len(names)))
    np.add.at(total, seen.user, marks[seen.item])
    top = np.argsort(-total.sum(0), kind="stable")[:GROUPS]
    top = np.sort(top[total.sum(0)[top] > 0])
    if not len(top):
        return (), np.full(len(index), -1), ""
    part = (total[:, top] + total[:, top].mean(0)) / (total[:, top].sum(1, keepdims=True) + total[:, top].mean(0).sum())
    lift = part / part.mean(0)
    label = np.where(total[:, top].any(1), lift.argmax(1), -1)
    return tuple(names[k] for k in top), label, "the kind of items that it has more of than others"


SHOWN = {
    "ranking": _with_users,
    "matching": _with_users,
    "conversation": _with_users,
    "inspection": _with_meanings,
    "clicks": _with_chances,
    "anomalies": _with_oddities,
}
"""What is shown of the runs of each task."""
