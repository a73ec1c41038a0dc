"""Measured advantages: what each action is worth in states of a policy, by restored rollouts."""
