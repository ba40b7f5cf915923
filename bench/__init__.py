"""Benchmarks that print ratios: each figure stands beside a simple baseline of the same run."""
