"""Regression of a teacher's scores by forests: least squares, gplearn or Operon."""

from diffses.regressor.linear import fit_linear
from diffses.regressor.search import fit_forests

__all__ = ["fit_forests", "fit_linear"]
