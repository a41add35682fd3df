"""Whether the world is as it must be: read from outside, worked out again, compared. Imports nothing of the product."""
