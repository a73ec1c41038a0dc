"""The old form of `python -m diffses survey`, for one more release."""

from importlib import import_module

if __name__ == "__main__":
    import_module("diffses.cli.old_commands").forward("diffses.detector.survey")
