"""Artifacts on disk, keyed by the hash of what decides their bytes."""

from diffses.store.keys import Spec
from diffses.store.store import Store, Workspace

__all__ = ["Spec", "Store", "Workspace"]
