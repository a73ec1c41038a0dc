"""The pages, pictures and films that show a run."""
