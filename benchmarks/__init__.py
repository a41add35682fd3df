"""Measured claims, and the programs that measure them."""
