"""Agents that play on a detector's features, and vectorised environments that give these."""
