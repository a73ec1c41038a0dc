"""Hand-written starting policies of the search."""
