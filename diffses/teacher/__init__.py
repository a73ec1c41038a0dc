"""The teacher: a network that plays, trained by PPO or loaded."""
