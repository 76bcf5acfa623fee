"""The performance goals as figures that anyone can reproduce: ``python -m benchmarks``."""
