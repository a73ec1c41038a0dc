"""A policy as one file of its own: Python, C, SymPy, LaTeX, JSON."""
