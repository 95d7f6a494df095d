"""Random hostile programs: a grammar of fragments, and what must hold of every program of it."""
