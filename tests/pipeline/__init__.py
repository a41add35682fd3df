"""The whole worker on a real broker and a real database."""
