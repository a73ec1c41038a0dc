"""The old form of `python -m diffses record-frames`, for one more release."""

from diffses.cli.old_commands import forward

if __name__ == "__main__":
    forward("diffses.detector.frames")
