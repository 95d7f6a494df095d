"""The kinds of jail: one module each, and what they have in common."""
