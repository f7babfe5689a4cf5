"""Benchmarks on real data: `python -m bench.prepare`, `bench.segment`, `bench.train_speed`, `bench.table`."""
