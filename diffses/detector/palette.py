"""The console's colours: ALE's palette indices and their RGB values.

ALE renders a screen as palette indices (`getScreen`) or as RGB (`getScreenRGB`). The indices are
even: index / 2 is a row of the table below, the NTSC palette of ale-py 0.12.1, read off by
rendering the same frames both ways; a test renders them again.
"""

from __future__ import annotations

import numpy as np

from diffses.errors import DiffsesError

_NTSC = """
000000 4a4a4a 6f6f6f 8e8e8e aaaaaa c0c0c0 d6d6d6 ececec 484800 69690f 86861d a2a22a bbbb35 d2d240
e8e84a fcfc54 7c2c00 904811 a26221 b47a30 c3903d d2a44a dfb755 ecc860 901c00 a33915 b55328 c66c3a
d5824a e39759 f0aa67 fcbc74 940000 a71a1a b83232 c84848 d65c5c e46f6f f08080 fc9090 840064 97197a
a8308f b846a2 c659b3 d46cc3 e07cd2 ec8ce0 500084 68199a 7d30ad 9246c0 a459d0 b56ce0 c57cee d48cfc
140090 331aa3 4e32b5 6848c6 7f5cd5 956fe3 a980f0 bc90fc 000094 181aa7 2d32b8 4248c8 545cd6 656fe4
7580f0 8490fc 001c88 183b9d 2d57b0 4272c2 548ad2 65a0e1 75b5ef 84c8fc 003064 185080 2d6d98 4288b0
54a0c5 65b7d9 75cceb 84e0fc 004030 18624e 2d8169 429e82 54b899 65d1ae 75e7c2 84fcd4 004400 1a661a
328432 48a048 5cba5c 6fd26f 80e880 90fc90 143c00 355f18 527e2d 6e9c42 87b754 9ed065 b4e775 c8fc84
303800 505916 6d762b 88923e a0ab4f b7c25f ccd86e e0ec7c 482c00 694d14 866a26 a28638 bb9f47 d2b656
e8cc63 fce070
"""

_CODES = np.array([int(code, 16) for code in _NTSC.split()], dtype=np.int64)  # 0xRRGGBB, (128,)
PALETTE = np.repeat(
    np.stack([_CODES >> 16, _CODES >> 8 & 255, _CODES & 255], axis=1).astype(np.uint8), 2, axis=0
)  # uint8 (256, 3): the colour of each index; an odd index has that of the even one before


def to_rgb(screen: np.ndarray) -> np.ndarray:
    """RGB values of palette indices: uint8 (...) -> uint8 (..., 3)."""
    colours: np.ndarray = PALETTE[screen]
    return colours


def to_indices(rgb: np.ndarray) -> np.ndarray:
    """Palette indices of an RGB picture: uint8 (..., 3) -> uint8 (...).

    Raises:
        DiffsesError: for a colour that is not in ALE's NTSC palette.
    """
    codes, inverse = _distinct(rgb)
    place = np.searchsorted(_SORTED, codes).clip(max=len(_SORTED) - 1)
    unknown = codes[_SORTED[place] != codes]
    if len(unknown):
        raise DiffsesError(
            f"the picture has {len(unknown)} colours that are not in ALE's palette, "
            f"the first being #{unknown[0]:06x}",
            fix="frames as ALE renders them, not resized, compressed or recoloured",
        )
    indices: np.ndarray = (2 * _ORDER[place]).astype(np.uint8)[inverse]
    return indices


def codes() -> tuple[np.ndarray, np.ndarray]:
    """The palette's colours as 0xRRGGBB, sorted, and the row of each in the palette, (128,)."""
    return _SORTED, _ORDER


def recording_indices(frames: np.ndarray) -> np.ndarray:
    """Palette indices of a whole recording, uint8 (n, h, w, 3) -> uint8 (n, h, w).

    ALE's own if the recording has only NTSC colours; otherwise (a PAL game, another console) its
    colours are numbered, which is equally good for a detector learned on the same recording.

    Raises:
        DiffsesError: for more than 256 colours.
    """
    codes, inverse = _distinct(frames)
    if np.isin(codes, _SORTED).all():
        return to_indices(frames)
    if len(codes) > 256:
        raise DiffsesError(
            f"the recording has {len(codes)} colours; at most 256 can be told apart",
            fix="frames as the console renders them, not resized or compressed",
        )
    numbers: np.ndarray = inverse.astype(np.uint8)
    return numbers


def _distinct(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct colours as 0xRRGGBB, sorted, and the index of each pixel's colour among them."""
    if rgb.dtype != np.uint8 or rgb.shape[-1] != 3:
        raise ValueError(f"want uint8 (..., 3), got {rgb.dtype} {rgb.shape}")
    parts = rgb.astype(np.int32)
    code = parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]
    seen = np.zeros(1 << 24, dtype=bool)
    seen[code.reshape(-1)] = True
    codes = np.flatnonzero(seen)
    place = np.zeros(1 << 24, dtype=np.int16 if len(codes) < 2**15 else np.int32)
    place[codes] = np.arange(len(codes))
    return codes, place[code]


_ORDER = np.argsort(_CODES, kind="stable")
_SORTED = _CODES[_ORDER]
