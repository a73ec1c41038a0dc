"""Atari preprocessing of Mnih et al. 2015: 84x84 grey frames, max-pooled, in stacks of four."""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 84  # pixels
DEPTH = 4  # steps in the stack


class AtariPreprocessing:
    """A stack of the last four steps, uint8 (4, 84, 84), oldest first.

    Each is the pixelwise maximum of a step's last two frames in grey, resized by area averaging:
    the same as ALE's vector environment and Gymnasium's and SB3's Atari wrappers.
    """

    def __init__(self) -> None:
        self.stack = np.zeros((DEPTH, SIDE, SIDE), np.uint8)

    def reset(self) -> None:
        """Empties the stack: an episode starts with black frames."""
        self.stack[:] = 0

    def add(self, grey: np.ndarray) -> np.ndarray:
        """Adds a step.

        Args:
            grey: the last two frames of the step, uint8 (2, 210, 160).

        Returns:
            The stack, uint8 (4, 84, 84).
        """
        self.stack[:-1] = self.stack[1:]
        pooled = np.maximum(grey[0], grey[1])
        cv2.resize(pooled, (SIDE, SIDE), dst=self.stack[-1], interpolation=cv2.INTER_AREA)
        return self.stack
