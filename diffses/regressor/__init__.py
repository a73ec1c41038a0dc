"""Fits a forest to a teacher's scores: least squares, gplearn or Operon, behind one function."""

from diffses.regressor.linear import fit_linear
from diffses.regressor.search import fit_forests

__all__ = ["fit_forests", "fit_linear"]
