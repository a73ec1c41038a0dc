"""SPACE (Lin et al. 2020): objects learned by reconstructing frames."""
