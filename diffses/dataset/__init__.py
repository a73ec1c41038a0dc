"""Recorded play: features, and what the teacher would do."""
