import re

import numpy as np
import pytest

from acteme.reports.page import BUDGET, render
from tests.reports.pages import CLASSES, page, replay

SIZES = {"desktop": (1200, 900), "tablet": (820, 1000), "phone": (360, 740)}


def test_everything_is_there_and_nothing_of_the_data_is_markup(look):
    view = look(page())
    text = view.locator("body").inner_text()
    for part in (
        "A System & Co",
        "walkers <made>",
        "71.2",
        "65.0 \u2013 77.4",
        "Something is missing.",
        "1,234 values",
    ):
        assert part in text
    assert "</script><b>sit" in text and view.locator("b", has_text="sit").count() == 0
    assert view.locator("svg.confusion rect.cell").count() == 9
    assert view.locator(".map circle").count() == 20
    assert view.locator(".bars .n").all_inner_texts() == ["80.0", "\u2013"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_every_width_in_both_schemes(look, size, scheme):
    width, height = SIZES[size]
    view = look(page(), viewport={"width": width, "height": height}, color_scheme=scheme)
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = view.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    light = [sum(map(int, re.findall(r"\d+", c)[:3])) for c in (ink, paper)]
    assert (light[0] < light[1]) == (scheme == "light")
    assert contrast(ink, paper) > 7
    muted = view.evaluate("getComputedStyle(document.querySelector('.lead')).color")
    card = view.evaluate("getComputedStyle(document.querySelector('section')).backgroundColor")
    assert contrast(muted, card) > 4.5


def contrast(a, b):
    """WCAG contrast ratio of two colors written as rgb(...)."""

    def luminance(color):
        rgb = np.array([int(v) for v in re.findall(r"\d+", color)[:3]]) / 255
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    high, low = sorted([luminance(a), luminance(b)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_map_moves_between_projections_and_shows_single_classes(look):
    view = look(page())
    place = "document.querySelector('.map circle').style.transform"
    first = view.evaluate(place)
    view.locator("[data-method='1']").click()
    assert view.evaluate(place) != first
    assert view.locator("[data-method='1']").get_attribute("aria-pressed") == "true"
    view.locator("[data-method='0']").click()
    assert view.evaluate(place).replace(" ", "") == first.replace(" ", "")
    view.locator("[data-only='1']").click()
    assert view.locator(".map.some circle.on").count() == (page().latents.label == 1).sum() > 0
    view.locator("[data-only='1']").click()
    assert view.locator(".map.some").count() == 0


def test_hovering_shows_values(look):
    view = look(page())
    tip = view.locator(".tip")
    view.locator("svg.confusion rect.cell").nth(1).hover()
    assert tip.inner_text() == "true walk, predicted wave: 2 of 10 (20%)"
    view.locator("svg.curve").hover()
    assert re.fullmatch(r"step \d+: [\d.]+", tip.inner_text())
    view.locator(".tile .interval").hover()
    assert tip.inner_text() == "71.2%, 95% interval 65.0\u201377.4%"
    view.mouse.move(2, 2)
    assert not tip.is_visible()


def test_a_page_with_nothing_but_a_title(look):
    empty = page(
        metrics=(),
        class_rows=(),
        confusion=None,
        stages=(),
        latents=None,
        figure=None,
        replays=(),
        settings={},
        notes=(),
    )
    view = look(empty)
    assert view.locator("section").count() == 0 and view.locator("nav a").count() == 0
    assert view.locator("h1").inner_text() == "A System & Co"


def test_names_no_address_but_the_papers():
    html = render(page())
    assert set(re.findall(r"https?://[^\s\"'<]+", html)) == {"https://example.org/paper", "http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|<link[^>]+stylesheet|<script[^>]+src", html)


def test_long_recordings_stay_within_the_budget():
    many = tuple(replay(f"r{i}", frames=12_000, persons=2) for i in range(5))
    html = render(page(replays=many))
    assert len(html) < BUDGET + 900_000 < 3_000_000
    assert len(render(page())) < 120_000


def test_class_colors_are_declared_for_light_and_dark():
    html = render(page())
    for k in range(len(CLASSES)):
        assert len(set(re.findall(rf"--k{k}:(#[0-9a-f]{{6}});", html))) == 2
