"""A pin-hole camera over a flat ground: where on the ground a pixel looks, and where in the image a place appears.

The camera stands at (0, 0) at a height, looks along +y (turned by `pan`, to the right if positive) and down by `pitch`.
Ground coordinates are meters; pixels are (column, row) from the image's upper left.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Camera:
    """Cameras, one of each scene; all fields are arrays that broadcast."""

    height: Float[np.ndarray, "..."]
    """Meters above the ground."""
    pitch: Float[np.ndarray, "..."]
    """Radians below the horizon."""
    pan: Float[np.ndarray, "..."]
    """Radians to the right."""
    focal: float
    """Pixels."""
    size: tuple[int, int]
    """Height and width of the image."""

    def pixel(self, x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."]) -> Float[np.ndarray, "... 2"]:
        """Where places of the ground appear; NaN for those behind the camera."""
        cos, sin = np.cos(self.pan), np.sin(self.pan)
        side, ahead = cos * x - sin * y, sin * x + cos * y
        depth = ahead * np.cos(self.pitch) + self.height * np.sin(self.pitch)
        down = self.height * np.cos(self.pitch) - ahead * np.sin(self.pitch)
        depth = np.where(depth > 0.1, depth, np.nan)
        h, w = self.size
        return np.stack([(w - 1) / 2 + self.focal * side / depth, (h - 1) / 2 + self.focal * down / depth], -1)

    def ground(
        self, column: Float[np.ndarray, "..."], row: Float[np.ndarray, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Where on the ground pixels look; NaN above the horizon."""
        h, w = self.size
        a, b = (column - (w - 1) / 2) / self.focal, (row - (h - 1) / 2) / self.focal
        fall = np.sin(self.pitch) + b * np.cos(self.pitch)
        reach = self.height / np.where(fall > 1e-6, fall, np.nan)
        side, ahead = a * reach, (np.cos(self.pitch) - b * np.sin(self.pitch)) * reach
        cos, sin = np.cos(self.pan), np.sin(self.pan)
        return cos * side + sin * ahead, cos * ahead - sin * side

    def visible(self, pixel: Float[np.ndarray, "... 2"]) -> np.ndarray:
        """Whether pixels lie in the image."""
        h, w = self.size
        with np.errstate(invalid="ignore"):
            return (pixel >= -0.5).all(-1) & (pixel[..., 0] < w - 0.5) & (pixel[..., 1] < h - 0.5)

    def moved(self, pitch: Float[np.ndarray, "..."], pan: Float[np.ndarray, "..."]) -> "Camera":
        """The cameras turned by so many radians."""
        return replace(self, pitch=self.pitch + pitch, pan=self.pan + pan)
