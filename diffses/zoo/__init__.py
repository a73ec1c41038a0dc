"""The shipped champions."""
