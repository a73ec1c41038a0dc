"""Statistics, results and sweeps."""
