"""Throughput, CPU, latency and memory of the product, beside what its users would otherwise write."""
