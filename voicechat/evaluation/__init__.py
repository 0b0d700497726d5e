"""Latency, scenarios, scores and benches."""
