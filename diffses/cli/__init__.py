"""The command line: `run.py`, and `python -m diffses COMMAND`."""
