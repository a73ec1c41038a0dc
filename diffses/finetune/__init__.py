"""Improves a policy on the environment itself."""
