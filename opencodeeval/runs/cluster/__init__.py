"""A run on a Ray cluster: engines and slots are actors on its nodes (docs/scale.md)."""
