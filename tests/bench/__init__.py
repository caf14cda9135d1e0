"""Benchmarks: ratios in one run, interleaved, medians; `python -m tests.bench` writes docs/benchmarks.md."""
