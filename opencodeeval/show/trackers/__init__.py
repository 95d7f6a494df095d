"""Experiment trackers that records are logged to; base.py has what each offers."""
