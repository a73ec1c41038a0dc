"""Metrics of a run: `metrics.jsonl` always, Weights & Biases where it is on."""

from diffses.logger.run_logger import Logger, current, log, open_logger
from diffses.logger.wandb_view import LOGIN, default_entity, has_login

__all__ = ["LOGIN", "Logger", "current", "default_entity", "has_login", "log", "open_logger"]
