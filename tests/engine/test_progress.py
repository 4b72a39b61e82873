"""What a training run shows."""

import pytest

from acteme.engine.progress import Bar, duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (41.2, "41 s"), (59.7, "1 min 0 s"), (200, "3 min 20 s"),
                          (7500, "2 h 5 min")]
)  # fmt: skip
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_outside_a_terminal_there_is_one_line_at_the_end(capfd):
    bar = Bar("lac contrast", 3, True)
    bar.show(1.5, 0.25)
    bar.finish(3, 12, 0.125, 41)
    bar.finish(1, 1, 0.125, 41)
    Bar("scprg pretrain", 0, True).finish(0, 0, float("nan"), 0)
    whole, cut = (
        "lac contrast: 3 epochs, 12 steps, loss 0.125, 41 s",
        "lac contrast: 1 of 3 epochs, 1 step, loss 0.125, 41 s",
    )
    assert capfd.readouterr() == (f"{whole}\n{cut}\nscprg pretrain: 0 epochs, left as it was\n", "")


def test_a_terminal_gets_a_bar_that_is_taken_away(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    bar = Bar("lac contrast", 3, True)
    assert bar.progress is not None
    bar.drawn = 0.0
    bar.show(1.5, 0.25)
    assert bar.progress.tasks[0].completed == 1.5 and bar.progress.tasks[0].fields["loss"] == "loss 0.25"
    bar.finish(3, 12, 0.125, 41)
    assert bar.progress is None


def test_off_is_silent(capfd):
    bar = Bar("x", 1, False)
    bar.show(1, 1)
    bar.finish(1, 1, 1, 1)
    assert capfd.readouterr() == ("", "")
