"""The main job on real input: `make demo` runs this.

Trains LAC (small) on untrimmed recordings of real human motion, evaluates it beside the same encoder without
pre-training, predicts a recording that training never saw, and writes a report to look at.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import acteme
from acteme.engine.export import write
from acteme.systems.represent.lac import Config

DEMO = Path("demo")
DATA = "mocap"
SHOWN = {
    "frame_map": "frame mAP",
    "frame_map_1_action": "  where one action happens",
    "frame_map_2_actions": "  where two happen at once",
    "f1@25": "segments, F1@25",
}


def main() -> None:
    shutil.rmtree(DEMO, ignore_errors=True)
    config = Config.small()
    print("Training LAC on real motion: three stages, about four minutes on two cores.", flush=True)
    run = acteme.train("lac", DATA, DEMO / "lac", config=config)
    print("Training the same encoder without pre-training.", flush=True)
    alone = replace(config, segment=replace(config.segment, pretrained=False))
    baseline = acteme.train("lac", DATA, DEMO / "no-pretraining", config=alone, stages=("segment",))

    test = acteme.open_data(DATA).select("test")
    truth = test.truth()
    acted = (truth.end - truth.start).sum() / sum(recording.duration for recording in test)
    chance = acted / len(test.spec.classes)  # a score that knows nothing is as precise as actions are frequent
    ours, other = acteme.evaluate(run).metrics, acteme.evaluate(baseline).metrics
    print(f"\n{f'{len(test)} test recordings, %':28} {'LAC':>6} {'no pre-training':>16} {'chance':>7}")
    for name, title in SHOWN.items():
        blind = f"{100 * chance:7.1f}" if name == "frame_map" else ""
        print(f"{title:28} {100 * ours[name]:6.1f} {100 * other[name]:16.1f} {blind}")

    files = write(acteme.predict(run, test[0]), DEMO / "timeline.csv")
    page = acteme.report(run, to=DEMO / "report.html")
    print(f"\nWrote {files[0]}: the predicted actions of recording {test[0].name}, which training never saw.")
    print(f"Wrote {page}: open it in a browser; the player shows what was predicted beside the truth.")


if __name__ == "__main__":
    main()
