"""Statistics as pure functions: pass@k and its interval, paired tests, sequential looks."""
