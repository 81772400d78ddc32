"""Who is dealt which iterations: each worker its own, all together, or together in freezes."""
