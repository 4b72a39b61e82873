"""The dictionary of an inspected recommender: what each latent stands for, and how far that holds.

Source: RecSAE (Wang et al., arXiv 2411.06112). Sequences that are held out, and the item that the recommender puts
first for each, are sorted by a latent's activation. Of the 2N strongest (of different users) a random half makes the
concept; on the other half, and on N cases in which the latent is inactive, it must tell which is which.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from acteme.atomic import write_text
from acteme.engine.host import recommends
from acteme.engine.interpret import SHOWN, Case, Interpreter, Tags, tags_of, titles_of
from acteme.engine.loader import entropy
from acteme.engine.logs import held_out, met, positions
from acteme.engine.measures.ranking import choose, shown
from acteme.engine.names import fitted
from acteme.engine.run import Run, load
from acteme.errors import InputError
from acteme.recordings.annotations import Preferences
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows
from acteme.tasks.inspection import CONFIDENT, confidence, edges, exposure, levels, strongest
from acteme.tasks.places import Lists

FILE = "concepts.json"
TOP, SOME = 10, 256
"""Items of a list, and sequences in which a latent is most active, by which its effect is measured."""


@dataclass(frozen=True)
class Concept:
    """A latent, and what it stands for."""

    latent: int
    concept: str
    """Empty where it is active in too few sequences."""
    active: int
    """Held-out sequences in which it is active."""
    peak: float
    """Its largest activation among them."""
    precision: float
    """Of the verification cases that the concept takes for active, those that are."""
    recall: float
    """Of the active ones, those that the concept takes for active."""
    confidence: float
    """Cases judged rightly."""
    cases: tuple[str, ...]
    """Titles of the items that it was made from."""
    effect: float | None = None
    """How the share of items with the concept, among the first ten to the sequences in which the latent is active,
    changes when it is silenced: -1 where they all go; None where the concept is no tag, or no such item was there."""

    @property
    def interpretable(self) -> bool:
        """Whether the concept holds."""
        return bool(self.concept) and self.confidence >= CONFIDENT


@dataclass(frozen=True)
class Seen:
    """Sequences, what the recommender puts first for each, and the latents of its vector."""

    corpus: Corpus
    index: Int[np.ndarray, " n"]
    """Recording of each."""
    before: Int[np.ndarray, " n"]
    """Events of it that are known."""
    item: Int[np.ndarray, " n"]
    """What is put first among the items that are new to the user."""
    activations: Float[np.ndarray, "n m"]

    def case(self, n: int, level: int, titles: Sequence[str]) -> Case:
        """A sequence in words."""
        last = int(self.corpus.column("offset")[self.index[n]] + self.before[n])
        had = self.corpus.arrays["item"][max(last - SHOWN, last - int(self.before[n])) : last]
        item = int(self.item[n])
        return Case(tuple(titles[k] for k in had.tolist()), titles[item], item, level)


def concepts(
    run: Run | Path | str,
    data: str | Path | Corpus | None = None,
    *,
    split: str = "test",
    interpreter: Interpreter | None = None,
    cases: int = 5,
    seed: int = 0,
    batch: int = 256,
) -> list[Concept]:
    """Finds what the latents of an inspecting run stand for; also written to RUN/concepts.json.

    Args:
        run: a run of a system that inspects a recommender, or its folder.
        data: what to look at; the data that it was trained on unless given.
        split: of which part; sequences that the recommender learned from flatter it. Where everyone's last item is the
            test, these are the people of training, one step later.
        interpreter: who names and judges; the tags of the catalog unless given.
        cases: N, of each kind.
        seed: of what is drawn.
        batch: sequences at a time.

    Returns:
        All latents, by falling confidence, then by how often they are active.

    Raises:
        InputError: a run that inspects no recommender, or data without items.
    """
    run = load(run)
    if cases < 1:
        raise InputError(f"cases is {cases}", "--cases", "give 1 or more")
    stage = run.stage_with("encode")
    if not hasattr(run.kind(stage), "turn"):
        raise InputError(
            "is not a run that inspects another", run.folder, "train one: acteme train recsae DATA --base RUN"
        )
    if not recommends(run):
        raise InputError("looks into a model that recommends nothing", run.folder, "see its latents: acteme encode")
    whole = _opened(run, data)
    if whole.catalog is None:
        raise InputError("has no catalog of items", "data", "give one, see docs/data.md")
    module: Any = run.module(stage)
    windows = getattr(run.config, stage).windows
    part = whole.select(split)
    train = whole.select("train") if "train" in whole.column("split") else whole
    if interpreter is None:
        names, has = tags_of(whole.catalog)
        bought = train.arrays["item"][positions(train, np.arange(len(train)))]
        interpreter = Tags(names, has, has[bought].mean(0))
    seen, told_ = look(module, part, *before_last(part), windows, batch)
    learned = look(module, train, *before_last(train), windows, batch)[0]
    found = interpret(seen, learned.activations, interpreter, titles_of(whole.catalog), cases, seed)
    if isinstance(interpreter, Tags):
        found = effects(found, module, seen, told_, interpreter)
    told = {"split": split, "interpreter": interpreter.name, "cases": cases, "latents": [asdict(c) for c in found]}
    write_text(run.folder / FILE, json.dumps(told, indent=1))
    return found


def read(run: Run) -> list[Concept]:
    """The concepts that were found for a run; none where none were."""
    return [Concept(**(row | {"cases": tuple(row["cases"])})) for row in found_for(run).get("latents", ())]


def found_for(run: Run) -> dict[str, Any]:
    """What concepts.json says: the latents, and `split`, `interpreter` and `cases` by which they were found; nothing
    where there is none."""
    path = run.folder / FILE
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise InputError("cannot be read", path, f"find them again: acteme concepts {run.folder}") from error


def edits_from(words: Sequence[str]) -> dict[str, float]:
    """Edits as the command line has them: CONCEPT=FACTOR. Raises InputError where one is something else."""
    out = {}
    for word in words:
        name, equals, factor = word.rpartition("=")
        try:
            out[name.strip()] = float(factor)
        except ValueError:
            equals = ""
        if not equals or not name.strip() or not math.isfinite(out[name.strip()]):
            raise InputError(f"'{word}' is no edit", "--edit", "give CONCEPT=FACTOR, such as Horror=0")
    return out


def latents_of(run: Run, stage: str, edits: Mapping[str, float], keep_missed: bool = False) -> dict[int, float]:
    """The latents that edits by concept, or by number, mean: of a concept all whose concept holds, or all that have it
    where it holds for none.

    Raises:
        InputError: a run that does not inspect another, or a concept that no latent has.
    """
    if (edits or keep_missed) and not hasattr(run.kind(stage), "turn"):
        raise InputError("has no latents to turn", run.folder, "inspect it: acteme train recsae DATA --base RUN")
    out: dict[int, float] = {}
    for name, factor in edits.items():
        if name.isdecimal():
            out[int(name)] = factor
            continue
        have = [c for c in read(run) if c.concept.lower() == name.lower()]
        if not have:
            told = sorted({c.concept for c in read(run) if c.interpretable})
            mend = f"those that hold: {', '.join(told)}" if told else f"find them by: acteme concepts {run.folder}"
            raise InputError(f"no latent stands for '{name}'", "--edit", mend)
        out |= {c.latent: factor for c in [c for c in have if c.interpretable] or have}
    return out


@torch.no_grad()
def look(module: Any, corpus: Corpus, index: Int[np.ndarray, " n"], before: Int[np.ndarray, " n"], windows: Windows,
         batch: int = 256) -> tuple[Seen, Preferences]:  # fmt: skip
    """Latents of users after their first `before` events, and what the recommender prefers for them.

    Raises:
        InputError: the model that is inspected recommends nothing.
    """
    items, activations, query = [], [], []
    told: Preferences | None = None
    kind = choose(corpus, module)
    for a in range(0, len(index), batch):
        rows, count = index[a : a + batch], before[a : a + batch]
        window = shown(module, corpus, rows, count, windows, kind)
        told = module.model.predict(window) if hasattr(module.model, "predict") else None
        if not isinstance(told, Preferences):
            raise InputError("the model that is inspected recommends nothing", "concepts", "inspect a recommender")
        items.append(first_items(told, met(corpus, rows, count), 1)[:, 0])
        activations.append(module.encode(window).pooled.numpy())
        query.append(told.query)
    assert told is not None
    seen = Seen(corpus, index, before, np.concatenate(items), np.concatenate(activations))
    return seen, replace(told, query=torch.cat(query))


def first_items(told: Preferences, seen: Lists, count: int) -> Int[np.ndarray, "n k"]:
    """The items of highest score that are new to the users."""
    scores = told.query @ told.table.T + (0 if told.bias is None else told.bias)
    user = np.repeat(np.arange(len(scores)), np.diff(seen.offset))
    scores[torch.from_numpy(user), torch.from_numpy(seen.item - 1)] = -torch.inf
    return scores.topk(count, dim=1).indices.numpy() + 1


def before_last(corpus: Corpus) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Recordings of users with two events or more, and how many come before their last one.

    Raises:
        InputError: there are no items, or there is no such user.
    """
    if "item" not in corpus.arrays:
        raise InputError("the data has no items", "concepts", "give a log with a column item")
    index, before = held_out(corpus, 2)
    if not len(index):
        raise InputError("no user has two events", "concepts", "give longer histories")
    return index, before


def interpret(
    seen: Seen,
    learned: Float[np.ndarray, "n m"],
    interpreter: Interpreter,
    titles: Sequence[str],
    cases: int = 5,
    seed: int = 0,
) -> list[Concept]:
    """Concepts of all latents, and their confidence.

    Args:
        seen: held-out sequences.
        learned: activations on training sequences, which set the levels.
        interpreter: who names and judges.
        titles: of each item number.
        cases: N.
        seed: of what is drawn.
    """
    user = np.unique(seen.corpus.column("subject")[seen.index], return_inverse=True)[1]
    top, able = strongest(seen.activations, user, 2 * cases)
    rng = np.random.default_rng(entropy(seed, "concepts"))
    made, checks, truth = [], [], []
    chosen = [m for m in np.flatnonzero(able).tolist() if (seen.activations[:, m] <= 0).sum() >= cases]
    for m in chosen:
        level = levels(seen.activations[:, m], edges(learned[:, m]))
        drawn = rng.permutation(top[m])
        quiet = rng.choice(np.flatnonzero(seen.activations[:, m] <= 0), cases, replace=False)
        made.append([seen.case(n, int(level[n]), titles) for n in sorted(drawn[:cases], key=lambda n: -level[n])])
        checks.append([seen.case(n, int(level[n]), titles) for n in (*drawn[cases:], *quiet)])
        truth.append(np.arange(2 * cases) < cases)
    names = interpreter.name_all(made)
    kept = [n for n, name in enumerate(names) if name]
    judged = interpreter.judge_all([names[n] for n in kept], [checks[n] for n in kept])
    counts, peaks = (seen.activations > 0).sum(0), seen.activations.max(0)
    out = {m: Concept(m, "", int(counts[m]), float(peaks[m]), 0.0, 0.0, 0.0, ()) for m in range(len(counts))}
    for n, said in zip(kept, judged, strict=True):
        m, sure = chosen[n], confidence(np.array(said, bool), truth[n])
        shown = tuple(case.title for case in made[n])
        out[m] = replace(out[m], concept=names[n], precision=float(sure.precision), recall=float(sure.recall),
                         confidence=sure.accuracy, cases=shown)  # fmt: skip
    return sorted(out.values(), key=lambda c: (-c.confidence, -c.active, c.latent))


@torch.no_grad()
def effects(found: Sequence[Concept], module: Any, seen: Seen, told: Preferences, tags: Tags) -> list[Concept]:
    """The same with what silencing each latent does to the recommendations of its tag.

    Compared are vectors as the latents have them, before and after; of at most `SOME` sequences, in which the latent is
    most active.
    """

    def share(rows: Int[np.ndarray, " r"], tagged: Bool[np.ndarray, " i"]) -> float:
        query = module.through(told.query[torch.from_numpy(rows)].float())
        known = met(seen.corpus, seen.index[rows], seen.before[rows])
        return exposure(first_items(replace(told, query=query), known, min(TOP, len(told.table))), tagged)

    out = []
    for concept in found:
        if concept.concept:
            active = seen.activations[:, concept.latent]
            rows = np.argsort(-active, kind="stable")[: min(concept.active, SOME)]
            tagged = tags.has[:, tags.tags.index(concept.concept)]
            module.turn({})
            before = share(rows, tagged)
            module.turn({concept.latent: 0.0})
            concept = replace(concept, effect=share(rows, tagged) / before - 1 if before else None)
        out.append(concept)
    module.turn({})
    return out


def _opened(run: Run, data: str | Path | Corpus | None) -> Corpus:
    """The data that is named, or that of the run, in the run's numbers."""
    from acteme.engine.train import open_corpus

    if data is None and run.data is None:
        raise InputError("was trained on recordings in memory", run.folder, "give the data")
    return fitted(open_corpus(run.data if data is None else data), run)  # type: ignore[arg-type]
