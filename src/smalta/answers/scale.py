"""The size of a pixel, so that lengths can be stated in millimetres.

In:  text such as "0.05 mm/px".
Out: `Scale`.

Must not know: pictures, files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from smalta.errors import ConfigError

_TEXT = re.compile(r"\s*([0-9.]+(?:e-?[0-9]+)?)\s*(mm/px|um/px|µm/px|px/mm)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scale:
    """How long a pixel is.

    Attributes:
        mm_per_px: millimetres, above 0.

    Raises:
        ConfigError: if it is not a number above 0.
    """

    mm_per_px: float

    def __post_init__(self) -> None:
        if not 0 < self.mm_per_px < 1e9:
            raise ConfigError(f"a pixel must be longer than 0 mm, got {self.mm_per_px} mm/px")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "0.05 mm/px", "50 um/px" or "20 px/mm".

        Raises:
            ConfigError: if it is another text.

        Example:
            >>> Scale.parse("0.05 mm/px") == Scale.parse("20 px/mm")
            True
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ConfigError(f'the scale {text!r} is not a size of a pixel; write it as "0.05 mm/px" or "20 px/mm"')
        try:
            number = float(found[1])
        except ValueError as error:
            raise ConfigError(f'the scale {text!r} has no number; write it as "0.05 mm/px"') from error
        unit = found[2].lower()
        if unit == "px/mm":
            return cls(1 / number if number else 0.0)
        return cls(number if unit == "mm/px" else number / 1000)
