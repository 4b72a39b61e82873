"""The metrics of `acteme.tasks`, written as plain loops from their definitions.

One frame, clip or segment at a time, the way published evaluation scripts are written; no arrays, no shortcuts. The
tests hold the library against these, and `benchmarks/metrics.py` measures how much faster it is.
"""

import math

NAN = math.nan


def mean_defined(values):
    kept = [v for v in values if not math.isnan(v)]
    return sum(kept) / len(kept) if kept else NAN


# --- ranked frames ----------------------------------------------------------------------------------------------------


def average_precision(scores, truth, ties="shared"):
    """Mean over positives of the precision of the list that ends with it (with all its equals, where ties are
    shared)."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    positives, total, found, listed, i = sum(map(bool, truth)), 0.0, 0, 0, 0
    if not positives:
        return NAN
    while i < len(order):
        j = i + 1
        while ties == "shared" and j < len(order) and scores[order[j]] == scores[order[i]]:
            j += 1
        new = sum(1 for m in order[i:j] if truth[m])
        found, listed = found + new, listed + j - i
        total += new * found / listed
        i = j
    return total / positives


def frame_map(scores, truth, lengths=None, rule="frames"):
    """Scores and truth: a list of rows (one per frame) of values (one per class)."""
    if rule == "charades":
        rows, offset = [], 0
        for length in lengths:
            rows += [offset + j * length // 25 for j in range(25)] if length else []
            offset += length
        scores, truth = [scores[i] for i in rows], [truth[i] for i in rows]
    values = []
    for k in range(len(scores[0]) if len(scores) else 0):
        column, true = [row[k] for row in scores], [row[k] for row in truth]
        values.append(average_precision(column, true, "shared" if rule == "frames" else "order"))
    if rule == "charades":
        return sum(values) / len(values) if values else NAN
    if rule == "tsu":
        kept = [v for v in values if not math.isnan(v) and v != 0]
        return sum(kept) / len(kept) if kept else NAN
    return mean_defined(values)


def frame_map_where(scores, truth, actions):
    """Over the frames in which exactly so many actions hold."""
    kept = [i for i, row in enumerate(truth) if sum(map(bool, row)) == actions]
    return frame_map([scores[i] for i in kept], [truth[i] for i in kept])


def frame_accuracy(predicted, truth, background=True):
    pairs = [(p, t) for p, t in zip(predicted, truth, strict=True) if background or t >= 0]
    return sum(p == t for p, t in pairs) / len(pairs) if pairs else NAN


# --- segments ---------------------------------------------------------------------------------------------------------


def label_runs(labels):
    """(start, end, label) of the runs of one recording."""
    runs = []
    for i, label in enumerate(labels):
        if runs and runs[-1][2] == label:
            runs[-1] = (runs[-1][0], i + 1, label)
        else:
            runs.append((i, i + 1, label))
    return runs


def active_runs(rows):
    """(start, end, label) of the runs of each class of one recording, class by class."""
    runs = []
    for k in range(len(rows[0]) if len(rows) else 0):
        for start, end, value in label_runs([bool(row[k]) for row in rows]):
            if value:
                runs.append((start, end, k))
    return runs


def iou(a, b):
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared / (max(a[1], b[1]) - min(a[0], b[0])) if shared > 0 else 0.0


def f1_counts(predicted, true, threshold):
    """Hits, false alarms and misses in one recording; both lists of (start, end, label)."""
    taken, hits = [False] * len(true), 0
    for p in predicted:
        best, at = 0.0, -1
        for i, t in enumerate(true):
            if t[2] == p[2] and iou(p, t) > best:
                best, at = iou(p, t), i
        if best >= threshold and not taken[at]:
            taken[at] = True
            hits += 1
    return hits, len(predicted) - hits, len(true) - hits


def f1(recordings, threshold):
    """Over (predicted, true) pairs of all recordings."""
    hit = wrong = missed = 0
    for predicted, true in recordings:
        counts = f1_counts(predicted, true, threshold)
        hit, wrong, missed = hit + counts[0], wrong + counts[1], missed + counts[2]
    return 2 * hit / (2 * hit + wrong + missed) if hit + wrong + missed else NAN


def edit_score(predicted, true):
    """One recording; lists of labels of its segments."""
    m, n = len(predicted), len(true)
    if not max(m, n):
        return NAN
    cost = [[0] * (n + 1) for _ in range(m + 1)]
    for i in range(m + 1):
        for j in range(n + 1):
            if not i or not j:
                cost[i][j] = i + j
            else:
                swap = cost[i - 1][j - 1] + (predicted[i - 1] != true[j - 1])
                cost[i][j] = min(swap, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    return 1 - cost[m][n] / max(m, n)


# --- events -----------------------------------------------------------------------------------------------------------


def event_average_precision(detected, true, threshold, kind="interpolated"):
    """One class, greedy matching. detected: (start, end, score, recording); true: (start, end, recording)."""
    near, taken, hits = by_recording(true), [False] * len(true), []
    for d in sorted(detected, key=lambda d: -d[2]):
        best, at = 0.0, -1
        for i in near.get(d[3], ()):
            if not taken[i] and iou(d, true[i]) > best:
                best, at = iou(d, true[i]), i
        hits.append(best >= threshold)
        if best >= threshold:
            taken[at] = True
    return interpolate(hits, len(true), kind)


def by_recording(true):
    rows = {}
    for i, t in enumerate(true):
        rows.setdefault(t[2], []).append(i)
    return rows


def interpolate(hits, positives, kind="interpolated"):
    """Hits in order of falling score."""
    if not positives:
        return NAN
    found, precision = 0, []
    for i, hit in enumerate(hits):
        found += hit
        precision.append(found / (i + 1))
    total, best = 0.0, 0.0
    for p, hit in zip(reversed(precision), reversed(hits), strict=True):
        best = max(best, p) if kind == "interpolated" else p
        total += best * hit
    return total / positives


def pku_places(detected, true, threshold):
    """The true segment (or -1) of each detection, by rising score; rows as above, with the class at the end."""
    places = []
    for d in sorted(detected, key=lambda d: d[2]):
        best, at = threshold, -1
        for i, t in enumerate(true):
            if t[2] == d[3] and t[3] == d[4] and iou(d, t) >= best:
                best, at = iou(d, t), i
        places.append(at)
    return places


def pku_average_precision(detected, true, threshold, kind="interpolated"):
    seen, hits = set(), []
    for at in reversed(pku_places(detected, true, threshold)):
        hits.append(at >= 0 and at not in seen)
        seen.add(at)
    return interpolate(hits, len(true), kind)


def pku_script_average_precision(detected, true, threshold):
    """As the evaluation script of PKU-MMD goes: detections are taken away one by one, the least certain first."""
    places = pku_places(detected, true, threshold)
    claims, left = [0] * len(true), len(places)
    for at in places:
        if at >= 0:
            claims[at] += 1
    found = sum(c > 0 for c in claims)

    def rates():
        return (found / left, found / len(true)) if left and true else (0.0, 0.0)

    best, recall = rates()
    total = 0.0
    for at in places:
        left -= 1
        if at >= 0:
            claims[at] -= 1
            found -= claims[at] == 0
            precision, rest = rates()
            best = max(best, precision)
            total += best * (recall - rest)
            recall = rest
    return total


# --- clips ------------------------------------------------------------------------------------------------------------


def top_k(scores, labels, k):
    hits = 0
    for row, label in zip(scores, labels, strict=True):
        order = sorted(range(len(row)), key=lambda c: (-row[c], c))
        hits += label in order[:k]
    return hits / len(labels) if len(labels) else NAN


def confusion(scores, labels, classes):
    table = [[0] * classes for _ in range(classes)]
    for row, label in zip(scores, labels, strict=True):
        best = 0
        for k in range(classes):
            if row[k] > row[best]:
                best = k
        table[label][best] += 1
    return table


def mean_class_accuracy(scores, labels, classes):
    rows = confusion(scores, labels, classes)
    return mean_defined([row[k] / sum(row) if sum(row) else NAN for k, row in enumerate(rows)])


def nearest(train, labels, test):
    """Class of the training feature with the largest cosine similarity, for each test feature."""

    def cosine(a, b):
        lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
        return sum(x * y for x, y in zip(a, b, strict=True)) / max(lengths, 1e-12)

    return [labels[max(range(len(train)), key=lambda i: cosine(train[i], x))] for x in test]
