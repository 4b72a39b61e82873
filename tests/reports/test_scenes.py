"""Scenes in reports: what is drawn where, and the page as a browser shows it."""

import re
import struct
import zlib

import numpy as np
import pytest

from acteme.reports.content import ClassRow, Metric, Page, Scene
from acteme.reports.gather import gather
from acteme.reports.page import render
from acteme.reports.scenes import picture, png, tinted
from acteme.reports.watch import SCENES, TRACKS, WINDOWS, gather_scenes
from tests.engine.trained import scenes


def scene(prompt=True) -> Scene:
    """A scene of 100 x 50 with one track and one window."""
    way = np.array([[10.0, 20.0], [30.0, 20.0]])
    image = np.array([[1.0, -2.0], [0.0, 0.5]]) if prompt else None
    covers = (0.0, 0.0, 120.0, 60.0) if prompt else None
    return Scene(
        "a <gate>", (0.0, 0.0, 100.0, 50.0), (way,), ((way, way + 5, np.stack([way, way + 1])),), image, covers
    )


def test_everything_is_at_its_place():
    drawn = str(picture(scene(), 200))
    assert 'viewBox="0 0 200 100"' in drawn
    assert '<polyline class="track" points="20.0,40.0 60.0,40.0"/>' in drawn
    assert '<polyline class="came" points="60.0,40.0 30.0,50.0 70.0,50.0"/>' in drawn, "it goes on where it was seen"
    assert drawn.count('class="future"') == 2 and drawn.count('class="past"') == 1
    assert 'x="0.0" y="0.0" width="240.0" height="120.0"' in drawn, "the prompt covers the grid, padding too"
    assert "a &lt;gate&gt;: 1 tracks and 1 predictions; blue and orange are its prompt" in drawn
    plain = str(picture(scene(prompt=False)))
    assert "<image" not in plain and "prompt" not in plain


def test_a_prompt_is_drawn_by_its_sign_and_strength():
    pixels = tinted(np.array([[1.0, -2.0], [0.0, 0.5]]))
    assert pixels[..., 3].tolist() == [[80, 160], [0, 40]]
    assert pixels[0, 0, 0] > pixels[0, 0, 2] and pixels[0, 1, 0] < pixels[0, 1, 2], "orange adds, blue takes"
    assert not tinted(np.zeros((2, 2)))[..., 3].any()


def test_a_png_file_holds_the_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 4)).astype(np.uint8)
    data = png(pixels)
    assert data.startswith(b"\x89PNG") and struct.unpack(">II", data[16:24]) == (5, 3)
    size = struct.unpack(">I", data[33:37])[0]
    raw = np.frombuffer(zlib.decompress(data[41 : 41 + size]), np.uint8).reshape(3, 21)
    assert (raw[:, 0] == 0).all() and np.array_equal(raw[:, 1:].reshape(3, 5, 4), pixels)


def test_the_scenes_of_a_run_are_gathered():
    first, second, deploy = scenes()
    test = deploy.select("test")
    found = gather_scenes(second, test)
    assert [s.name for s in found] == list(deploy.spec.scenes)
    for s in found:
        here = test.select(rows=test.column("camera") == s.name)
        assert len(s.tracks) == min(TRACKS, len(here)) and 1 <= len(s.ways) <= WINDOWS
        past, came, futures = s.ways[0]
        assert past.shape == (8, 2) and came.shape == (12, 2) and futures.shape == (1, 12, 2)
        assert s.prompt.shape == (16, 16) and s.extent == (0, 0, 64, 48)
        left, top, right, bottom = s.covers
        assert (left, top) == (pytest.approx(-2), pytest.approx(-2)) and right == bottom == pytest.approx(62)
    assert all(s.prompt is None for s in gather_scenes(first, test)) and SCENES >= 2


def test_the_page_of_a_run(look, tmp_path):
    _, second, deploy = scenes()
    page = gather(second, deploy)
    assert {m.name for m in page.metrics if m.headline} == {"ade", "fde", "gain", "gain_over_cv"}
    assert not any(m.rate for m in page.metrics if m.name in ("ade", "human_seconds"))
    assert set(page.classes) == set(deploy.spec.scenes) and len(page.class_rows) == 2
    assert ("Scenes", "2") in page.facts and page.latents is not None
    view = look(page)
    assert view.locator("#scenes svg.scene").count() == 2
    assert view.locator("#scenes image").first.bounding_box()["width"] > 50
    tile = view.locator(".tile").first
    assert re.fullmatch(r"\d+\.?\d*", tile.locator(".value").inner_text()), "no percent sign on pixels"
    assert view.locator("nav").inner_text().split("\n")[:3] == ["Results", "Scenes", "By scene"]


def test_a_loss_has_no_bar_and_keeps_its_number():
    """What adaptation made worse: nothing is drawn across the page, or as if it were whole."""
    metrics = (Metric("gain", "Gain", "Share.", -2.5, -3.0, -2.0, True),)
    html = render(Page("t", "p", "", "", (), ("a", "b"), metrics=metrics, scenes=(scene(),),
                       class_rows=(ClassRow("a", -0.4, "3 windows"), ClassRow("b", 0.4, "3 windows"))))  # fmt: skip
    assert 'style="left:0.00%;right:calc(100% - 0.00%)"' in html and "left:-" not in html
    assert "width:0.00%" in html and "width:40.00%" in html and "width:-" not in html
    assert "-250.0" in html and "-40.0" in html


def test_numbers_and_shares_are_told_apart():
    metrics = (
        Metric("ade", "ADE", "Pixels.", 3.21, 3.0, 3.5, True, rate=False),
        Metric("gain", "Gain", "Share.", 0.123),
    )
    html = render(Page("t", "p", "", "", (), ("a",), metrics=metrics, scenes=(scene(),),
                       class_rows=(ClassRow("a", 0.5, "3 windows"),)))  # fmt: skip
    assert ">3.21<" in html and "3.21</p>" in html and "12.3" in html and "321" not in html
    assert "prompt adds to the maps" in html
    assert "prompt adds" not in render(Page("t", "p", "", "", (), (), scenes=(scene(prompt=False),)))
