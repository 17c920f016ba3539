"""How fast it is, beside its baselines."""
