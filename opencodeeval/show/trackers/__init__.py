"""Experiment trackers to log records to; base.py has their interface."""
