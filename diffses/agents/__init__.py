"""Policies that look through a detector, alone or many side by side."""
