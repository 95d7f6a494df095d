"""Executors: where the engines and the slots of a run are."""
