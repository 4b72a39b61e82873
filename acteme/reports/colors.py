"""Colors of classes: distinct, equally bright, for light and for dark pages."""

import math

GOLDEN = 137.508
"""Degrees of hue between one class and the next: neighbors in number are far apart in hue, however many there are."""


def palette(count: int, dark: bool = False) -> list[str]:
    """So many colors as #rrggbb, in the OKLCH space at nearly constant lightness."""
    levels = (0.77, 0.70) if dark else (0.60, 0.53)
    return [hexadecimal(levels[k % 2], 0.15, 30 + GOLDEN * k) for k in range(count)]


def style(count: int) -> str:
    """Style variables --k0, --k1, ... with so many colors, for light and for dark pages."""
    light, dark = ("".join(f"--k{k}:{c};" for k, c in enumerate(palette(count, d))) for d in (False, True))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def hexadecimal(lightness: float, chroma: float, hue: float) -> str:
    """An OKLCH color as #rrggbb; chroma is lowered until the screen can show it (Ottosson 2020)."""
    a, b = math.cos(math.radians(hue)), math.sin(math.radians(hue))
    while True:
        rgb = _linear(lightness, chroma * a, chroma * b)
        if all(-1e-4 <= v <= 1 + 1e-4 for v in rgb) or chroma < 1e-3:
            break
        chroma *= 0.95
    return "#" + "".join(f"{round(255 * _gamma(min(max(v, 0.0), 1.0))):02x}" for v in rgb)


def _linear(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
