"""The teacher: a policy network, trained by PPO or loaded from a Stable-Baselines3 zip."""
