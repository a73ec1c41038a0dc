"""Artifacts on disk. The key of an artifact is a hash of everything that determines its content."""

from diffses.store.keys import Spec
from diffses.store.store import Store, Workspace

__all__ = ["Spec", "Store", "Workspace"]
