"""The same work as each peer's own users would write it at their best. Nothing in here uses the product."""
