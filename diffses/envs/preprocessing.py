"""What a pixel agent of the Stable-Baselines3 family sees: 84x84 grey, max-pooled, four deep."""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 84  # pixels
DEPTH = 4  # steps in the stack


class AtariPreprocessing:
    """The stack of the last four steps of a console, uint8 (4, 84, 84), oldest first.

    Each is the pixelwise maximum of a step's last two frames in grey, shrunk by area: the
    preprocessing of Mnih et al. 2015, as ALE's vector environment and SB3's wrappers do it.
    """

    def __init__(self) -> None:
        self.stack = np.zeros((DEPTH, SIDE, SIDE), np.uint8)

    def reset(self) -> None:
        self.stack[:] = 0

    def add(self, grey: np.ndarray) -> np.ndarray:
        """Takes the last two frames, uint8 (2, 210, 160), and returns the stack."""
        self.stack[:-1] = self.stack[1:]
        pooled = np.maximum(grey[0], grey[1])
        cv2.resize(pooled, (SIDE, SIDE), dst=self.stack[-1], interpolation=cv2.INTER_AREA)
        return self.stack
