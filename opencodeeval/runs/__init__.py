"""Runs: the pipeline, the run folder, the record that a run leaves; and finished runs."""
