"""The files of other tools: read for grading, written from a finished run; one module per tool."""
