import re
from xml.etree import ElementTree

import numpy as np
import pytest

from acteme.reports import charts
from acteme.reports.colors import hexadecimal, palette
from acteme.reports.content import Curve, LatentMap


def test_numbers_in_few_characters():
    shown = [charts.number(v) for v in (0.0, 0.12345, 12.345, 123456.0, 1e-5, 4321.0, -0.5, float("nan"))]
    assert shown == ["0", "0.123", "12.3", "1.2e5", "1.0e-5", "4,321", "-0.5", "\u2013"]
    assert [charts.percent(v) for v in (0.71249, 1.0, float("nan"))] == ["71.2", "100.0", "\u2013"]


def test_thinning_averages_equal_stretches_and_leaves_out_nan():
    value = np.arange(1000.0)
    value[3] = np.nan
    step, shown = charts.thinned(Curve("x", np.arange(1000), value), 100)
    assert len(step) == 100 and shown.mean() == pytest.approx(np.nanmean(value), abs=1)
    np.testing.assert_allclose(step, shown)
    assert (np.diff(shown) > 0).all()
    short = charts.thinned(Curve("x", np.arange(5), np.array([1, np.nan, 3, 4, 5.0])))
    assert short[0].tolist() == [0, 2, 3, 4]


def test_smoothing_keeps_lines_and_ends():
    line = np.linspace(0, 5, 101)
    np.testing.assert_allclose(charts.smoothed(line), line, atol=1e-12)
    assert charts.smoothed(np.array([3.0])).tolist() == [3.0]


def points(svg, kind):
    return np.array([p.split(",") for p in svg.find(f".//*[@class='{kind}']").get("points").split()], float)


def test_a_falling_curve_falls_on_the_screen():
    svg = ElementTree.fromstring(charts.curve(Curve("total", np.arange(50), np.linspace(2, 1, 50))))
    line = points(svg, "line")
    assert (np.diff(line[:, 1]) > 0).all() and (np.diff(line[:, 0]) > 0).all()
    assert line[0, 0] == 0 and line[-1, 0] == 300 and line[:, 1].min() > 0 and line[:, 1].max() < 120
    assert "from 2 to 1 over 49 steps" in svg.get("aria-label")


def test_a_wide_range_is_shown_logarithmically():
    decay = charts.curve(Curve("total", np.arange(60), np.logspace(2, -3, 60)))
    line = points(ElementTree.fromstring(decay), "raw")
    np.testing.assert_allclose(np.diff(line[2:-2, 1]), np.diff(line[2:-2, 1]).mean(), atol=0.2)


@pytest.mark.parametrize("value", [[1.0], [2.0, 2.0], [-1.0, 1.0]])
def test_degenerate_curves_are_drawn(value):
    svg = ElementTree.fromstring(charts.curve(Curve("c", np.arange(len(value)), np.array(value))))
    assert np.isfinite(points(svg, "line")).all()


def test_a_constant_is_a_straight_line():
    """Means of 0.05 over different stretches differ in their last digit."""
    svg = ElementTree.fromstring(charts.curve(Curve("lr", np.arange(30), np.full(30, 0.05))))
    assert np.ptp(points(svg, "line")[:, 1]) == 0 == np.ptp(points(svg, "raw")[:, 1])


def test_bars_end_at_nothing_and_at_all():
    values = (-2.66, -0.05, 0.0, 0.12345, 1.0, 3.0, float("nan"), float("inf"))
    wanted = ["0.00%", "0.00%", "0.00%", "12.35%", "100.00%", "100.00%", "0.00%", "0.00%"]
    assert [charts.across(v) for v in values] == wanted


def test_a_curve_of_nothing_is_nothing():
    empty = Curve("c", np.arange(2), np.array([np.nan, np.nan]))
    assert charts.curve(empty) == "" and np.isnan(charts.ends(empty)).all()


def test_confusion_shades_by_share_of_the_row():
    svg = ElementTree.fromstring(charts.confusion(np.array([[3, 1], [0, 0]]), ("a<b", "c")))
    cells = svg.findall("rect")
    strength = [c.get("style") for c in cells]
    assert strength == ["--s:0.75", "--s:0.25", "--s:0", "--s:0"]
    assert [c.get("class") for c in cells] == ["cell hit", "cell", "cell", "cell hit"]
    assert cells[1].get("data-tip") == "true a<b, predicted c: 1 of 4 (25%)"
    assert [t.text for t in svg.findall("text") if "count" in t.get("class")] == ["3", "1"]


def test_confusion_of_many_classes_stays_small():
    k = 120
    svg = ElementTree.fromstring(charts.confusion(np.eye(k, dtype=int), tuple(f"class {i}" for i in range(k))))
    assert float(svg.get("width")) < 1400 and not [t for t in svg.findall("text") if "count" in t.get("class")]


def test_most_frequent_mistakes():
    counts = np.array([[5, 3, 0], [1, 4, 0], [0, 7, 1]])
    assert charts.mistakes(counts, ("a", "b", "c")) == [
        ("c", "b", 7, 7 / 8),
        ("a", "b", 3, 3 / 8),
        ("b", "a", 1, 1 / 5),
    ]
    assert charts.mistakes(np.eye(3, dtype=int), ("a", "b", "c")) == []


def test_map_places_every_window_inside_its_frame():
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(50, 2))
    xy[0] = 1e6
    m = LatentMap({"PCA": xy}, rng.integers(-1, 2, 50), ("r",) * 50, np.zeros(50), np.ones(50))
    svg = ElementTree.fromstring(charts.latent_map(m, ("a", "b")))
    places = np.array([re.findall(r"\d+(?=px)", c.get("style")) for c in svg.findall("circle")], int)
    assert len(places) == 50 and (places >= 0).all() and (places <= [800, 520]).all()
    assert np.corrcoef(places[1:, 0], xy[1:, 0])[0, 1] > 0.98 and np.corrcoef(places[1:, 1], xy[1:, 1])[0, 1] < -0.98
    assert (charts.fitted(np.ones((3, 2)), 100, 100) == 14 + np.array([0, 72])).all()


def test_colors_are_distinct_and_bright_enough():
    for dark in (False, True):
        colors = palette(20, dark)
        assert len(set(colors)) == 20 and all(re.fullmatch(r"#[0-9a-f]{6}", c) for c in colors)
        rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colors])
        near = np.linalg.norm(rgb[1:] - rgb[:-1], axis=1)
        assert near.min() > 60
    assert hexadecimal(1.0, 0.0, 0.0) == "#ffffff" and hexadecimal(0.0, 0.0, 0.0) == "#000000"
    assert hexadecimal(0.627955, 0.257683, 29.2339) == "#ff0000"
