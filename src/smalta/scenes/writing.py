"""Lines of words in the fonts that OpenCV brings, so that no font file is needed.

In:  a seeded generator, sizes in cells.
Out: shapes of ink.

Numpy and OpenCV. Must not know: paper, labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_WORDS = """
the of and a to in is was he for it with as his on be at by had not are but from or have an they which one you
were her all she there would their we him been has when who will more no if out so said what up its about into
than them can only other new some could time these two may then do first any my now such like our over man even
most made after also did many before must through back years where much your way well down should because each
just those people how too little state good very make world still own see men work long here get both between
letter house river winter village harvest market garden journey ship county parish mill field weather horse
bread coal iron wagon brother daughter schoolmaster clerk account received delivered sincerely
"""
WORDS = tuple(_WORDS.split())
PRINT = (cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SIMPLEX)
HAND = (cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX)


NOUNS = ("letter", "house", "river", "winter", "village", "harvest", "market", "garden", "journey", "ship", "mill")
TOWNS = ("Linz", "Brno", "Graz", "Trieste", "Leeds", "Lyon", "Porto", "Gent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """How a line is written.

    Attributes:
        font: of OpenCV.
        scale: of its letters.
        stroke: width of its strokes in cells.
    """

    font: int
    scale: float
    stroke: int

    def size_hw(self, text: str) -> tuple[int, int]:
        """Height above the line on which the letters stand, and width, in cells."""
        (width, height), _ = cv2.getTextSize(text, self.font, self.scale, self.stroke)
        return height, width

    def write(self, cells: np.ndarray, text: str, corner_yx: tuple[float, float]) -> tuple[float, float, float, float]:
        """Write a line into (h, w) uint8 cells.

        Args:
            cells: 255 where ink is.
            text: the line.
            corner_yx: its left end, on the line on which the letters stand.

        Returns:
            Top, left, bottom and right of the line with its descenders, in cells.
        """
        place_xy = (round(corner_yx[1]), round(corner_yx[0]))
        cv2.putText(cells, text, place_xy, self.font, self.scale, 255, self.stroke, cv2.LINE_AA)
        (width, height), below = cv2.getTextSize(text, self.font, self.scale, self.stroke)
        return place_xy[1] - height, place_xy[0], place_xy[1] + below, place_xy[0] + width

    def words(self, rng: np.random.Generator, width: float) -> str:
        """A line of random words that is at most `width` cells wide; at least one word."""
        line = str(rng.choice(WORDS))
        while True:
            longer = f"{line} {rng.choice(WORDS)}"
            if self.size_hw(longer)[1] > width:
                return line
            line = longer


def heading(rng: np.random.Generator) -> str:
    """A short title such as "The Journey to Linz"."""
    first, second = (str(noun).capitalize() for noun in rng.choice(NOUNS, 2, replace=False))
    town = rng.choice(TOWNS)
    return (f"The {first} to {town}", f"{first} and {second}", f"On the {first}", f"{first} of {town}")[rng.integers(4)]


def warped(cells: np.ndarray, rng: np.random.Generator, reach: float, wave: float) -> np.ndarray:
    """The cells pulled about smoothly, by about `reach` cells over `wave` cells, as a hand or an old page does it."""
    height, width = cells.shape
    coarse_hw = (max(2, round(height / wave)) + 1, max(2, round(width / wave)) + 1)
    shifts = [
        cv2.resize(rng.standard_normal(coarse_hw, dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    ]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(cells, x + np.float32(reach) * shifts[0], y + np.float32(reach) * shifts[1], cv2.INTER_LINEAR)
