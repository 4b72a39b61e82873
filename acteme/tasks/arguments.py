"""Event argument extraction: which spans of a document play which role for a trigger. Micro precision, recall, F1.

Two official rules say what counts as right (`Rule`); both compare what `reduced` and `clustered` make of spans: words
of a span (span F1), its head (head F1), or the cluster of coreferent mentions it is one of (coref F1). Identification
leaves the role out. Rates are fractions in [0, 1]; precision is TP / predicted and recall TP / true. (The RAMS scorer
prints them the other way round; F1 is the same.)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.recordings.annotations import Arguments
from acteme.tasks import curves, intervals
from acteme.tasks.outcome import Outcome

Rule = Literal["multiset", "any"]
"""`multiset`: TP is the multiset intersection of (trigger, span, role) in each document, so that one true argument is
found once (scorer of RAMS 1.0, Ebner et al., ACL 2020; TSAR and SCPRG use it for WikiEvents too, on reduced spans).
`any`: sets; a prediction is right if any true argument of its event matches it, and is held against clusters only if
its span is that of no true argument (scorer of WikiEvents, Li et al., NAACL 2021). Two predictions can then both be
right by one true argument: recall of `any` with clusters can exceed 1."""

Clusters = tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]
"""Cluster of each predicted and of each true argument, -1 for none (see `clustered`)."""

DISTANCES = range(-2, 3)
"""Sentences from the trigger to the argument that the RAMS scorer tells apart."""


class Tally(NamedTuple):
    """Counts of each document (or of each of other groups)."""

    right: Float[np.ndarray, " d"]
    predicted: Float[np.ndarray, " d"]
    true: Float[np.ndarray, " d"]

    def rates(self) -> tuple[float, float, float]:
        """Precision, recall, F1; 0 where there is nothing to divide by, as in both scorers."""
        right, predicted, true = (float(column.sum()) for column in self)
        either = predicted + true
        return (
            right / predicted if predicted else 0.0,
            right / true if true else 0.0,
            2 * right / either if either else 0.0,
        )


def constrained(
    found: Arguments, event_type: Int[np.ndarray, " n"], budget: Int[np.ndarray, "types roles"]
) -> Arguments:
    """Type-constrained decoding: of each event and role, only the predictions of highest score that its type allows.

    Args:
        found: predictions; equal scores in their order.
        event_type: type of the event of each row; -1 where it is not known, which keeps all.
        budget: how many arguments of each role an event of each type takes; 0 for a role that it has not.
    """
    event_type, budget = np.asarray(event_type), np.asarray(budget)
    roles = int(found.role.max(initial=-1)) + 1
    fits = budget.ndim == 2 and roles <= budget.shape[1] and int(event_type.max(initial=-1)) < len(budget)
    if event_type.shape != (len(found),) or not fits:
        what = f"budgets of shape {budget.shape} for {roles} roles and types of shape {event_type.shape}"
        raise InputError(what, mend="give a row per event type, a column per role, and the type of each row")
    event = _numbers(np.column_stack([found.document, found.trigger, found.role]))
    order = np.lexsort((-found.score, event))
    start = np.searchsorted(event[order], event[order])
    place = np.empty(len(found), np.int64)
    place[order] = np.arange(len(found)) - start
    return found.select((event_type < 0) | (place < budget[event_type, found.role]))


def reduced(arguments: Arguments, to: Callable[[Int[np.ndarray, "n 2"], int], Int[np.ndarray, "n *two"]]) -> Arguments:
    """Arguments with other spans.

    Args:
        arguments: of any documents.
        to: takes the spans of a document, and its number, to spans (`heads.without_articles`) or to one word each
            (`heads.parsed_heads`, `heads.ruled_heads`).
    """
    spans = np.array(arguments.span, np.int64)
    there = spans[:, 0] >= 0
    for document in np.unique(arguments.document):
        rows = (arguments.document == document) & there
        new = np.asarray(to(arguments.span[rows], int(document)))
        spans[rows] = new if new.ndim == 2 else new[:, None]
    return replace(arguments, span=spans)


def clustered(arguments: Arguments, mentions: Int[np.ndarray, "m 4"]) -> Int[np.ndarray, " n"]:
    """Cluster of each argument's span; -1 where it is of none.

    Args:
        arguments: with spans as the mentions have them.
        mentions: document, first word, last word, cluster of each mention; of a span that is in two clusters, the last
            counts.
    """
    mentions = np.asarray(mentions, np.int64).reshape(-1, 4)
    rows = np.concatenate([mentions[::-1, :3], np.column_stack([arguments.document, arguments.span])])
    number = _numbers(rows)
    known, at = np.unique(number[: len(mentions)], return_index=True)
    if not len(known):
        return np.full(len(arguments), -1, np.int64)
    mine = number[len(mentions) :]
    near = np.minimum(np.searchsorted(known, mine), len(known) - 1)
    return np.where(known[near] == mine, mentions[::-1, 3][at[near]], -1)


def tally(
    found: Arguments,
    true: Arguments,
    documents: int,
    rule: Rule = "multiset",
    roles: bool = True,
    clusters: Clusters | None = None,
) -> Tally:
    """Counts of each document.

    Args:
        found, true: with spans as they are to be compared.
        documents: how many there are.
        rule: what counts as right.
        roles: whether roles count (classification) or not (identification).
        clusters: of what was found and what is true (`clustered`); None compares spans alone.
    """
    if rule == "any":
        return _any(found, true, documents, roles, clusters)
    sides = []
    for arguments, cluster in zip((found, true), clusters or (None, None), strict=True):
        span = arguments.span
        if cluster is not None:
            span = np.where(cluster[:, None] >= 0, np.column_stack([-1 - cluster, -1 - cluster]), span)
        role = arguments.role if roles else np.zeros_like(arguments.role)
        sides.append(np.column_stack([arguments.document, arguments.trigger, span, role]))
    number = _numbers(np.concatenate(sides))
    size = int(number.max(initial=-1)) + 1
    ours, theirs = (np.bincount(n, minlength=size) for n in (number[: len(found)], number[len(found) :]))
    document = np.zeros(size, np.int64)
    document[number] = np.concatenate([found.document, true.document])
    right = np.bincount(document, weights=np.minimum(ours, theirs), minlength=documents)
    return Tally(right, _per(found.document, documents), _per(true.document, documents))


def measure(
    found: Arguments,
    true: Arguments,
    documents: int,
    roles: Sequence[str],
    *,
    head: Callable[[Int[np.ndarray, "n 2"], int], Int[np.ndarray, "n *two"]] | None = None,
    mentions: Int[np.ndarray, "m 4"] | None = None,
    sentence: Sequence[Int[np.ndarray, " words"]] | None = None,
    recording: Int[np.ndarray, " documents"] | None = None,
    rule: Rule = "multiset",
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """All metrics of argument extraction with bootstrap intervals over recordings (documents).

    Args:
        found: what was predicted.
        true: what is true; what cannot be found, since it lies outside (span (-1, -1)) or has a role that there is not
            (-1), counts as missed.
        documents: how many there are, with those that have no arguments.
        roles: names.
        head: takes the spans of a document, and its number, to their heads; see `reduced`.
        mentions: coreferent mentions; see `clustered`.
        sentence: of each word of each document.
        recording: source of each document; None takes every document for a recording of its own.
        rule: what counts as right.
        resamples, seed: of the bootstrap.

    Metrics: `precision`, `recall`, `f1` of spans with their roles, `identification_f1` without; `head_f1`,
    `head_identification_f1` with `head`; `coref_f1`, `coref_identification_f1` with `mentions`; with `sentence` also
    `f1_at-2` .. `f1_at+2`, the F1 of arguments so many sentences behind the trigger, where true ones are. Per role
    `precision`, `recall`, `f1`, `arguments`, of spans by the rule `multiset`.

    Raises:
        InputError: columns that do not match, a document or a role out of range, a span that ends before it begins,
            a NaN score, or no true argument.
    """
    for arguments, what in ((found, "predicted"), (true, "true")):
        _check(arguments, what, documents, len(roles))
    if not len(true):
        raise InputError("no document has a true argument", mend="give documents with annotated arguments")
    if rule not in ("multiset", "any"):
        raise InputError(f"there is no rule {rule!r}", "rule", "take multiset or any")
    where = np.arange(documents) if recording is None else np.asarray(recording)
    at = curves.pooled(where, documents, seed)
    forms: dict[str, tuple[Arguments, Arguments, Clusters | None]] = {"": (found, true, None)}
    if head is not None:
        forms["head_"] = (reduced(found, head), reduced(true, head), None)
    if mentions is not None:
        forms["coref_"] = (found, true, (clustered(found, mentions), clustered(true, mentions)))
    metrics: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    for name, (ours, theirs, clusters) in forms.items():
        for kind, with_roles in (("", True), ("identification_", False)):
            counts = tally(ours, theirs, documents, rule, with_roles, clusters)
            right, predicted, wanted = (np.bincount(at, weights=column) for column in counts)
            precision, recall, f1 = counts.rates()
            if not name and with_roles:
                metrics |= {"precision": precision, "recall": recall}
                bounds["precision"] = intervals.ratio_interval(right, predicted, resamples, seed)
                bounds["recall"] = intervals.ratio_interval(right, wanted, resamples, seed)
            metrics[f"{name}{kind}f1"] = f1
            bounds[f"{name}{kind}f1"] = intervals.ratio_interval(2 * right, predicted + wanted, resamples, seed)
    if sentence is not None:
        near, far = _distance(found, sentence), _distance(true, sentence)
        for d in DISTANCES:
            if (far == d).any():
                counts = tally(found.select(near == d), true.select(far == d), documents, rule)
                right, predicted, wanted = (np.bincount(at, weights=column) for column in counts)
                metrics[f"f1_at{d:+d}"] = counts.rates()[2]
                bounds[f"f1_at{d:+d}"] = intervals.ratio_interval(2 * right, predicted + wanted, resamples, seed)
    by_role = tally(_by_role(found), _by_role(true.select(true.role >= 0)), len(roles))
    rows = {}
    for k, role in enumerate(roles):
        if by_role.true[k] or by_role.predicted[k]:
            p, r, f = Tally(*(column[k : k + 1] for column in by_role)).rates()
            rows[role] = {"precision": p, "recall": r, "f1": f, "arguments": int(by_role.true[k])}
    return Outcome(metrics, bounds, rows)


def _any(
    found: Arguments,
    true: Arguments,
    documents: int,
    roles: bool,
    clusters: Clusters | None,
) -> Tally:
    """The rule of WikiEvents: sets, and for each prediction whether any true argument matches."""
    sides = [np.column_stack([a.document, a.trigger, a.span, a.role]) for a in (found, true)]
    kept = [np.unique(side, axis=0, return_index=True)[1] for side in sides]
    found, true = found.select(kept[0]), true.select(kept[1])

    def held(columns: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> Bool[np.ndarray, " n"]:
        number = _numbers(np.concatenate([np.column_stack(list(columns)), np.column_stack(list(others))]))
        return np.isin(number[: len(found)], number[len(found) :])

    def role(arguments: Arguments) -> list[np.ndarray]:
        return [arguments.role] if roles else []

    ours, theirs = [found.document, found.trigger], [true.document, true.trigger]
    same_span = held([*ours, found.span], [*theirs, true.span])
    right = held([*ours, found.span, *role(found)], [*theirs, true.span, *role(true)])
    if clusters is not None:
        mine, its = clusters[0][kept[0]], clusters[1][kept[1]]
        # true arguments of no cluster are told from predictions of none, so that these never match
        alike = held([*ours, mine, *role(found)], [*theirs, np.where(its < 0, -2, its), *role(true)])
        right |= ~same_span & alike
    return Tally(
        _per(found.document[right], documents), _per(found.document, documents), _per(true.document, documents)
    )


def _by_role(arguments: Arguments) -> Arguments:
    """Roles in the place of documents, so that a tally is one per role; the document joins the trigger."""
    trigger = np.column_stack([arguments.document, arguments.trigger])
    return Arguments(arguments.role, trigger, arguments.span, arguments.role)


def _distance(arguments: Arguments, sentence: Sequence[Int[np.ndarray, " words"]]) -> Int[np.ndarray, " n"]:
    """Sentences from the trigger to the argument, by their first words."""
    offset = np.cumsum([0, *map(len, sentence)])
    flat = np.concatenate([np.zeros(0, np.int64), *(np.asarray(s, np.int64) for s in sentence)])
    ends = np.array([len(s) for s in sentence], np.int64)[arguments.document]
    if (np.maximum(arguments.trigger[:, 1], arguments.span[:, 1]) >= ends).any():
        raise InputError("an argument lies behind the last word of its document", mend="give the sentence of each word")
    start = offset[arguments.document]
    distance = flat[start + np.maximum(arguments.span[:, 0], 0)] - flat[start + arguments.trigger[:, 0]]
    return np.where(arguments.span[:, 0] < 0, max(DISTANCES) + 1, distance)


def _per(document: Int[np.ndarray, " n"], documents: int) -> Float[np.ndarray, " d"]:
    return np.bincount(document, minlength=documents).astype(np.float64)


def _numbers(rows: Int[np.ndarray, "n c"]) -> Int[np.ndarray, " n"]:
    """Equal rows share a number, from 0."""
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def _check(arguments: Arguments, what: str, documents: int, roles: int) -> None:
    n = len(arguments)
    shapes = (np.shape(arguments.trigger), np.shape(arguments.span), np.shape(arguments.role))
    if shapes != ((n, 2), (n, 2), (n,)):
        raise InputError(f"{n} {what} arguments with triggers, spans, roles of shapes {shapes}")
    if np.isnan(arguments.score).any():
        raise InputError(f"the score of {what} argument {int(np.isnan(arguments.score).argmax())} is NaN")
    out = what == "true"
    for column, size, name in ((arguments.document, documents, "document"), (arguments.role, roles, "role")):
        bad = (column < (-1 if out and name == "role" else 0)) | (column >= size)
        if bad.any():
            row = int(bad.argmax())
            raise InputError(f"{what} argument {row} has {name} {column[row]} of {size}", mend="number them from 0")
    bad = (arguments.span[:, 0] > arguments.span[:, 1]) | (arguments.span[:, 0] < 0)
    bad &= ~(out & (arguments.span == -1).all(1))
    if bad.any():
        first, last = arguments.span[int(bad.argmax())]
        raise InputError(f"a {what} argument goes from word {first} to {last}", mend="ends are inclusive, from 0")
