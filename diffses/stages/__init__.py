"""One file a row of the pipeline: what each stage does."""
