"""Finds the objects on a screen as named features, learned without labels."""
