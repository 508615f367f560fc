"""Benchmarks: ratios against plain baselines, all measured in one run on one machine (``make bench``)."""
