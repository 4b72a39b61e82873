"""Scenes seen from their camera: tracks, what was predicted and what came, over the prompt of each scene."""

import base64
import struct
import zlib
from html import escape

import numpy as np
from jaxtyping import Float
from markupsafe import Markup

from acteme.reports.content import Scene

RGB = ((47, 123, 214), (223, 106, 43))
"""Colors of what a prompt takes from its maps, and of what it adds."""


def picture(scene: Scene, width: int = 480) -> Markup:
    """A scene as SVG; y points down, as in an image."""
    left, top, right, bottom = scene.extent
    scale = width / (right - left)
    height = round((bottom - top) * scale)

    def line(kind: str, xy: Float[np.ndarray, "n 2"]) -> str:
        points = " ".join(f"{(x - left) * scale:.1f},{(y - top) * scale:.1f}" for x, y in xy)
        return f'<polyline class="{kind}" points="{points}"/>'

    parts = []
    if scene.prompt is not None and scene.covers is not None:
        a, b, c, d = ((v - o) * scale for v, o in zip(scene.covers, (left, top, left, top), strict=True))
        parts.append(
            f'<image x="{a:.1f}" y="{b:.1f}" width="{c - a:.1f}" height="{d - b:.1f}" preserveAspectRatio="none" '
            f'href="data:image/png;base64,{base64.b64encode(png(tinted(scene.prompt))).decode()}"/>'
        )
    parts += [line("track", xy) for xy in scene.tracks]
    for past, came, futures in scene.ways:
        parts.append(line("came", np.concatenate([past[-1:], came])))
        parts += [line("future", np.concatenate([past[-1:], future])) for future in futures]
        parts.append(line("past", past))
    prompt = "; blue and orange are its prompt" if scene.prompt is not None else ""
    what = f"Scene {scene.name}: {len(scene.tracks)} tracks and {len(scene.ways)} predictions{prompt}"
    head = f'<svg class="scene" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(what)}">'
    return Markup(f"{head}{''.join(parts)}</svg>")


def tinted(prompt: Float[np.ndarray, "h w"]) -> np.ndarray:
    """(h, w, 4) uint8: what a prompt adds in one color, what it takes in another, the more the less transparent."""
    strength = np.abs(prompt) / max(float(np.abs(prompt).max()), 1e-12)
    color = np.where((prompt > 0)[..., None], RGB[1], RGB[0])
    return np.concatenate([color, (160 * strength)[..., None]], -1).round().astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """(h, w, 4) uint8 as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], 1)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + chunk(b"IEND", b"")
