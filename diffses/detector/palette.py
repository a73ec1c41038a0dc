"""ALE's NTSC palette: 128 colours, each an even number of one byte."""

from __future__ import annotations

import numpy as np

from diffses.errors import DiffsesError

# RGB of the indices 0, 2, 4, ..., 254, read off frames of 58 games with ale-py 0.12.1
_TABLE = (
    "0000004a4a4a6f6f6f8e8e8eaaaaaac0c0c0d6d6d6ececec48480069690f86861da2a22abbbb35d2d240e8e84afcfc54"
    "7c2c00904811a26221b47a30c3903dd2a44adfb755ecc860901c00a33915b55328c66c3ad5824ae39759f0aa67fcbc74"
    "940000a71a1ab83232c84848d65c5ce46f6ff08080fc909084006497197aa8308fb846a2c659b3d46cc3e07cd2ec8ce0"
    "50008468199a7d30ad9246c0a459d0b56ce0c57ceed48cfc140090331aa34e32b56848c67f5cd5956fe3a980f0bc90fc"
    "000094181aa72d32b84248c8545cd6656fe47580f08490fc001c88183b9d2d57b04272c2548ad265a0e175b5ef84c8fc"
    "0030641850802d6d984288b054a0c565b7d975cceb84e0fc00403018624e2d8169429e8254b89965d1ae75e7c284fcd4"
    "0044001a661a32843248a0485cba5c6fd26f80e88090fc90143c00355f18527e2d6e9c4287b7549ed065b4e775c8fc84"
    "3038005059166d762b88923ea0ab4fb7c25fccd86ee0ec7c482c00694d14866a26a28638bb9f47d2b656e8cc63fce070"
)
TABLE = np.repeat(np.frombuffer(bytes.fromhex(_TABLE), np.uint8).reshape(128, 3), 2, axis=0)


def rgb(screen: np.ndarray) -> np.ndarray:
    """Palette indices, uint8 (...), as RGB, uint8 (..., 3)."""
    colours: np.ndarray = TABLE[screen]
    return colours


def indices(frames: np.ndarray) -> np.ndarray:
    """RGB frames, uint8 (..., 3), as palette indices, uint8 (...).

    Raises:
        DiffsesError: for a colour that the palette does not have, as in a frame that was resized.
    """
    codes = _code(frames)
    known = _code(TABLE[::2])
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known[order], codes), 127)
    if not (known[order][place] == codes).all():
        raise DiffsesError(
            "these frames have colours that are not in ALE's palette",
            fix="raw frames as the emulator gives them: not resized, averaged or compressed",
        )
    return (2 * order[place]).astype(np.uint8)


def _code(colours: np.ndarray) -> np.ndarray:
    wide = colours.astype(np.int32)
    code: np.ndarray = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    return code
