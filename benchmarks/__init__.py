"""How fast it is, against something measured beside it: `python -m benchmarks --help`."""
