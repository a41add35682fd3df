"""The kill −9 proof: a seeded world of results, a checker of its own, and mutations that prove the checker sees."""
