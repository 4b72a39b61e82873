"""How much faster the metrics are than plain loops written from their definitions, on 1,000 recordings.

Run from the repository: `python benchmarks/metrics.py`. Both sides get the same input in the same run, on one thread,
and must give the same value. The plain loops get lists, as they are fastest on, made beforehand.
"""

from _measure import fastest, row, save  # isort: skip

import _plain_metrics as plain
import numpy as np
import torch

from acteme.tasks import events, frames, intervals, probes, recognition, segments

RECORDINGS, CLASSES = 1000, 15


def untrimmed(rng):
    """Recordings of 10 to 20 s with up to two actions at a time, and scores that follow them with errors."""
    lengths = rng.integers(300, 600, RECORDINGS)
    parts = []
    for length in lengths:
        truth = np.zeros((length, CLASSES), bool)
        for part in range(2):
            at = 0
            while at < length:
                end = at + int(rng.integers(20, 90))
                if rng.random() < (0.85, 0.3)[part]:
                    truth[at:end, rng.integers(CLASSES)] = True
                at = end
        parts.append(truth)
    truth = np.concatenate(parts)
    noise = rng.normal(size=(len(truth) // 10 + 1, CLASSES)).repeat(10, axis=0)[: len(truth)]
    scores = 1 / (1 + np.exp(-(2.5 * truth - 1.5 + noise + 0.05 * rng.normal(size=truth.shape))))
    return scores.astype(np.float32), truth, lengths


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    scores, truth, lengths = untrimmed(rng)
    label, guess = np.where(truth.any(1), truth.argmax(1), -1), frames.predicted_labels(scores, 0.5)
    cuts = np.cumsum(lengths)[:-1]
    s_rows, t_rows = scores.tolist(), truth.tolist()
    lists = [x.tolist() for x in lengths], [x.tolist() for x in np.split(label, cuts)], [
        x.tolist() for x in np.split(guess, cuts)]  # fmt: skip
    runs = segments.label_runs(guess, lengths), segments.label_runs(label, lengths)
    plain_runs = [(plain.label_runs(g), plain.label_runs(t)) for t, g in zip(lists[1], lists[2], strict=True)]
    true, found = segments.active_runs(truth, lengths), segments.active_runs(scores > 0.5, lengths, scores=scores)
    d_rows = [list(zip(*(c[found.label == k].tolist() for c in (found.start, found.end, found.score, found.recording)),
                       strict=True)) for k in range(CLASSES)]  # fmt: skip
    t_events = [list(zip(*(c[true.label == k].tolist() for c in (true.start, true.end, true.recording)), strict=True))
                for k in range(CLASSES)]  # fmt: skip
    pku_d = [[(*d, k) for d in rows] for k, rows in enumerate(d_rows)]
    pku_t = [[(*t, k) for t in rows] for k, rows in enumerate(t_events)]
    clip_label = rng.integers(60, size=RECORDINGS)
    clips = rng.normal(size=(RECORDINGS, 60)) + 2 * np.eye(60)[clip_label]
    features = rng.normal(size=(RECORDINGS, 64)) + 2 * np.eye(64)[clip_label]
    half = RECORDINGS // 2
    flat = lengths.tolist()
    frame_lists, clip_lists = (guess.tolist(), label.tolist()), (clips.tolist(), clip_label.tolist())
    near_lists = features[:half].tolist(), clip_label[:half].tolist(), features[half:].tolist()

    cases = {
        "frame mAP": (
            lambda: frames.frame_map(scores, truth),
            lambda: plain.frame_map(s_rows, t_rows),
        ),
        "frame mAP, TSU rule": (
            lambda: frames.frame_map(scores, truth, rule="tsu"),
            lambda: plain.frame_map(s_rows, t_rows, rule="tsu"),
        ),
        "frame mAP, Charades rule": (
            lambda: frames.frame_map(scores, truth, lengths, "charades"),
            lambda: plain.frame_map(s_rows, t_rows, flat, "charades"),
        ),
        "frame mAP, two-action frames": (
            lambda: frames.frame_map_where(scores, truth, frames.simultaneous(truth, 2)),
            lambda: plain.frame_map_where(s_rows, t_rows, 2),
        ),
        "frame accuracy": (
            lambda: frames.frame_accuracy(guess, label),
            lambda: plain.frame_accuracy(*frame_lists),
        ),
        "F1@{10,25,50}": (
            lambda: segments.f1(segments.f1_counts(*runs, RECORDINGS, (0.1, 0.25, 0.5))).tolist(),
            lambda: [plain.f1(plain_runs, h) for h in (0.1, 0.25, 0.5)],
        ),
        "edit score": (
            lambda: float(np.mean(segments.edit_scores(*runs, RECORDINGS))),
            lambda: float(np.mean([plain.edit_score([x[2] for x in g], [x[2] for x in t]) for g, t in plain_runs])),
        ),
        "event mAP@{0.1,0.3,0.5}": (
            lambda: events.event_map(found, true, CLASSES).tolist(),
            lambda: [
                plain.mean_defined(
                    [plain.event_average_precision(d, t, h) for d, t in zip(d_rows, t_events, strict=True)]
                )
                for h in events.PKU
            ],
        ),
        "event mAP@0.5, PKU-MMD script": (
            lambda: float(events.pku_script_map(found, true, CLASSES, (0.5,))[0]),
            lambda: float(
                np.mean([plain.pku_script_average_precision(d, t, 0.5) for d, t in zip(pku_d, pku_t, strict=True)])
            ),
        ),
        "top-1, top-5": (
            lambda: [recognition.top_k(clips, clip_label, k) for k in (1, 5)],
            lambda: [plain.top_k(*clip_lists, k) for k in (1, 5)],
        ),
        "mean class accuracy": (
            lambda: recognition.mean_class_accuracy(clips, clip_label),
            lambda: plain.mean_class_accuracy(*clip_lists, 60),
        ),
        "1-NN accuracy": (
            lambda: recognition.top_k(
                probes.knn(features[:half], clip_label[:half], features[half:], 60), clip_label[half:]
            ),
            lambda: float(np.mean(np.array(plain.nearest(*near_lists)) == clip_label[half:])),
        ),
    }
    rows = []
    for name, (fast, slow) in cases.items():
        ours_value, loop_value = [], []
        ours = fastest({"ours": lambda f=fast, v=ours_value: v.append(f())}, 10)["ours"]
        rounds = 1 if ours > 0.01 else 5
        loop = fastest({"loop": lambda f=slow, v=loop_value: v.append(f())}, rounds)["loop"]
        if not np.allclose(ours_value[0], loop_value[0], rtol=1e-6, atol=1e-9):
            raise SystemExit(f"{name} differs from its definition")
        rows.append(row(f"{name}, 1,000 recordings", "a plain loop", ours, loop))
    recording = segments.recording_of_frames(lengths, len(scores))
    ranked = [
        intervals.Ranked(scores[:, k], truth[:, k], recording, np.bincount(recording, truth[:, k], RECORDINGS))
        for k in range(CLASSES)
    ]
    interval = fastest({"interval": lambda: intervals.ranking_interval(ranked, RECORDINGS, 0.5)}, 3)["interval"]
    save(
        "metrics",
        rows,
        "sorting scores (mean average precision), passes over arrays of all segments or frames (the others)",
        recordings=RECORDINGS,
        frames=len(scores),
        classes=CLASSES,
        seconds_of_1000_resamples_of_frame_map=round(interval, 3),
    )


if __name__ == "__main__":
    main()
