"""What follows from records: comparisons, gates, early stops."""
