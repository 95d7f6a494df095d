"""Benchmarks: found by name, loaded from their data, with their prompts and their extraction."""
