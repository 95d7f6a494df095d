"""The rows of benchmarks: found, fetched, and checked to the byte."""
