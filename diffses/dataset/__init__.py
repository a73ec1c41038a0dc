"""Datasets for distillation: recorded features and the teacher's action scores."""
