"""One short module a benchmark family."""
