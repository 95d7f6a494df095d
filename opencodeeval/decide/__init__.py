"""Decisions from records: comparisons, gates, early stops."""
