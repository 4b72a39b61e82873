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


def main() -> None:
    shutil.rmtree(DEMO, ignore_errors=True)
    config = Config.small()
    print("Training LAC on real motion (three stages, about four minutes on two cores) ...", flush=True)
    run = acteme.train("lac", DATA, DEMO / "lac", config=config)
    print("Training the same encoder without pre-training ...", flush=True)
    alone = replace(config, segment=replace(config.segment, pretrained=False))
    baseline = acteme.train("lac", DATA, DEMO / "no-pretraining", config=alone, stages=("segment",))
    ours, other = acteme.evaluate(run), acteme.evaluate(baseline)
    print(f"\n{'on test recordings':28} {'LAC':>8} {'no pre-training':>16}")
    for name in ours.metrics:
        print(f"{name:28} {ours.metrics[name]:8.3f} {other.metrics[name]:16.3f}")
    unseen = acteme.open_data(DATA).select(split="test")
    files = write(acteme.predict(run, unseen[0]), DEMO / "timeline.csv")
    page = acteme.report(run, to=DEMO / "report.html")
    print(f"\nWrote {files[0]} (the predicted actions of recording {unseen[0].name})")
    print(f"Wrote {page} - open it in a browser: the player shows what was predicted, beside the truth.")


if __name__ == "__main__":
    main()
