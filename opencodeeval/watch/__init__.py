"""Watching a folder for new checkpoints, and what is done about each."""
