"""cfr-shm: Monte Carlo counterfactual regret minimization on shared memory."""

__version__ = "0.1.0"
