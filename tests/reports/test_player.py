"""The player, driven in a browser as a person would."""

import re
import time
from dataclasses import replace

import pytest

from acteme.recordings.skeleton.layouts import layout
from acteme.reports.content import Replay
from acteme.reports.replay import figure
from tests.reports.pages import CLASSES, page, replay, walker


def now(view):
    return float(view.locator(".tracks").get_attribute("aria-valuenow"))


def until(condition, seconds=20.0):
    """Waits for something that the page does by itself."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def is_playing(view):
    return view.locator(".play").get_attribute("aria-label") == "Pause"


def tracks(view):
    """Where the timeline is on the screen."""
    view.locator(".timeline").scroll_into_view_if_needed()
    return view.locator(".tracks").bounding_box()


def picture(view):
    return view.evaluate("document.querySelector('.stage canvas').toDataURL()")


def drawn(view):
    """How many pixels of each row of the canvas are covered."""
    return view.evaluate("""() => {
        const c = document.querySelector('.stage canvas'), rows = Array(c.height).fill(0);
        const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        for (let i = 3; i < pixels.length; i += 4) rows[Math.floor(i / 4 / c.width)] += pixels[i] > 200;
        return rows;
    }""")


def test_plays_pauses_and_stops_at_the_end(look):
    view = look(page())
    play = view.locator(".play")
    before = picture(view)
    assert now(view) == 0 and sum(drawn(view)) > 2000
    play.click()
    assert is_playing(view)
    until(lambda: now(view) > 0.15)
    play.click()
    assert not is_playing(view)
    stopped = now(view)
    assert 0.15 < stopped < 4 and picture(view) != before
    view.wait_for_timeout(120)
    assert now(view) == stopped
    view.select_option("[data-act=speed]", "4")
    play.click()
    until(lambda: not is_playing(view))
    assert now(view) == 4.0
    play.click()
    until(lambda: now(view) < 3)


def test_click_and_drag_on_the_timeline_seek(look):
    view = look(page())
    box = tracks(view)
    view.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 40)
    assert now(view) == pytest.approx(2.0, abs=0.02)
    view.mouse.down()
    view.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 40, steps=4)
    assert now(view) == pytest.approx(3.0, abs=0.02)
    view.mouse.up()
    view.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 40)
    assert now(view) == pytest.approx(3.0, abs=0.02)
    head = view.evaluate("document.querySelector('.playhead').style.left")
    assert float(head.rstrip("%")) == pytest.approx(75, abs=0.5)


def test_keyboard(look):
    view = look(page())
    view.locator(".tracks").focus()
    for key, place in (("ArrowRight", 1 / 30), ("Shift+ArrowRight", 1 + 1 / 30), ("ArrowLeft", 1.0), ("End", 4.0),
                      ("PageUp", 0.0), ("End", 4.0), ("Home", 0.0)):  # fmt: skip
        view.keyboard.press(key)
        assert now(view) == pytest.approx(place, abs=0.006), key
    scrolled = view.evaluate("scrollY")
    view.keyboard.press("Space")
    until(lambda: now(view) > 0)
    view.keyboard.press("Space")
    assert not is_playing(view)
    assert view.evaluate("scrollY") == scrolled
    view.locator(".tracks").press("m")
    assert now(view) == pytest.approx(2.5, abs=0.01)


def test_next_mismatch_goes_round(look):
    view = look(page())
    times = []
    for _ in range(3):
        view.locator("[data-act=mismatch]").click()
        times.append(now(view))
    assert times == [2.5, 3.4, 2.5]


def test_slider_says_what_is_true_and_predicted(look):
    view = look(page())
    view.locator(".tracks").focus()
    view.keyboard.press("Shift+ArrowRight")
    view.keyboard.press("Shift+ArrowRight")
    text = view.locator(".tracks").get_attribute("aria-valuetext")
    assert text == "2.0 of 4.0 seconds; true: wave; predicted: wave"


def test_scores_on_hover_and_beside_the_figure(look):
    content = page()
    view = look(content)
    box = tracks(view)
    view.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 40)
    tip = view.locator(".tip")
    assert tip.is_visible()
    row = content.replays[0].scores[48]
    best = int(row.argmax())
    text = tip.inner_text()
    assert text.startswith("1.6 s") and CLASSES[best] in text and f"{round(100 * float(row[best]))}%" in text
    assert "walk · true" in text and "wave · true" in text
    first = view.locator(".now li").first.inner_text()
    start = content.replays[0].scores[0]
    assert first.split("\n")[0] == CLASSES[int(start.argmax())] and f"{round(100 * float(start.max()))}%" in first
    assert view.locator(".now li.true").count() == 1


def test_segments_lie_where_they_should(look):
    view = look(page())
    assert view.locator(".names div").all_inner_texts() == list(CLASSES)
    bars = view.evaluate("""[...document.querySelectorAll('.rows > div')].map(
        (row) => [...row.querySelectorAll('i')].map(
            (bar) => [bar.className, parseFloat(bar.style.left), parseFloat(bar.style.width)]))""")
    assert bars == [
        [["t", 0, 50], ["p", 0, 50]],
        [["t", 37.5, 37.5], ["p", 37.5, 25]],
        [["p", pytest.approx(85), pytest.approx(10)]],
    ]


def test_drag_and_keys_turn_the_view_and_buttons_set_it(look):
    view = look(page())
    pictures = [picture(view)]
    view.locator(".stage").scroll_into_view_if_needed()
    box = view.locator(".stage canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    view.mouse.move(x, y)
    view.mouse.down()
    view.mouse.move(x + 90, y + 20, steps=3)
    view.mouse.up()
    pictures.append(picture(view))
    view.locator(".stage canvas").focus()
    view.keyboard.press("ArrowLeft")
    pictures.append(picture(view))
    for name in ("side", "top", "front"):
        view.locator(f"[data-view={name}]").click()
        pictures.append(picture(view))
    assert len(set(pictures)) == len(pictures)
    assert now(view) == 0
    view.locator(".tracks").focus()
    view.keyboard.press("Shift+ArrowRight")
    trailed = picture(view)
    view.locator("[data-act=trails]").click()
    assert view.locator("[data-act=trails]").get_attribute("aria-pressed") == "false"
    assert picture(view) != trailed


def test_other_recordings_by_menu_and_buttons(look):
    view = look(page())
    view.select_option(".recordings", "1")
    assert view.locator(".tracks").get_attribute("aria-valuemax") == "2"
    view.locator(".tracks").focus()
    view.keyboard.press("End")
    assert now(view) == 2.0
    view.locator("[data-act=next]").click()
    assert view.locator(".recordings").input_value() == "0" and now(view) == 0
    view.locator("[data-act=previous]").click()
    assert view.locator(".recordings").input_value() == "1"


def test_a_dot_of_the_map_leads_to_its_time(look):
    view = look(page())
    assert view.locator(".map circle.seek").count() == 1
    view.locator(".map circle.seek").dispatch_event("click")
    assert view.locator(".recordings").input_value() == "1" and now(view) == 0.5


def test_zoom_keeps_the_playhead_in_sight(look):
    view = look(page())
    view.locator(".tracks").focus()
    view.keyboard.press("End")
    for _ in range(3):
        view.locator("[data-act=in]").click()
    wide = view.locator(".tracks").bounding_box()["width"]
    shown = view.locator(".view").bounding_box()
    assert wide == pytest.approx(shown["width"] * 1.6**3, rel=0.01)
    head = view.locator(".playhead").bounding_box()
    assert shown["x"] <= head["x"] <= shown["x"] + shown["width"]
    view.locator(".tracks").focus()
    view.keyboard.press("Home")
    head = view.locator(".playhead").bounding_box()
    assert head["x"] >= shown["x"] - 3
    for _ in range(4):
        view.locator("[data-act=out]").click()
    assert view.locator(".tracks").bounding_box()["width"] == pytest.approx(shown["width"], abs=1)


def test_two_dimensions_stand_upright_and_do_not_turn(look):
    image = walker(axes=2) * [100, -100] + [300, 300]
    view = look(page(replays=(replace(replay(), skeleton=image),), figure=figure(layout("body15"), image)))
    assert not view.locator("[data-view=front]").is_visible()
    still = picture(view)
    view.locator(".stage canvas").focus()
    view.keyboard.press("ArrowUp")
    assert picture(view) == still
    rows = drawn(view)
    filled = [i for i, n in enumerate(rows) if n]
    # The head is a disc at the top, the feet are two thin limbs at the bottom.
    assert max(rows[filled[0] : filled[0] + 25]) > 15
    assert filled[-1] - filled[0] > 0.4 * len(rows)


def test_second_person_appears_when_there(look):
    view = look(page(replays=(replay(persons=2),)))
    alone = sum(drawn(view))
    view.locator(".tracks").focus()
    view.keyboard.press("End")
    assert sum(drawn(view)) > 1.3 * alone


def test_one_frame_and_nothing_predicted(look):
    bare = Replay("bare", 30.0, walker(1), 1 / 30)
    view = look(page(replays=(bare,), latents=None))
    assert sum(drawn(view)) > 2000 and not view.locator("[data-act=mismatch]").is_visible()
    view.locator(".play").click()
    until(lambda: not is_playing(view))
    assert view.locator(".pick button").count() == 0


def test_touch_on_a_phone(look):
    view = look(page(), viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    box = tracks(view)
    view.touchscreen.tap(box["x"] + 0.5 * box["width"], box["y"] + 50)
    assert now(view) == pytest.approx(2.0, abs=0.05)
    assert view.evaluate("document.documentElement.scrollWidth") <= 390
    canvas = view.locator(".stage canvas").bounding_box()
    assert canvas["width"] > 250 and canvas["height"] > 250


def test_every_control_has_a_name(look):
    view = look(page())
    tree = view.locator("#player").aria_snapshot()
    assert not re.search(r"- (button|combobox|slider)(:|$)", tree), tree
    assert 'slider "Position in the recording"' in tree and 'button "Play"' in tree
