"""What crosses the borders: events in and out, their decoding, folding and encoding. Pure: no driver, no settings."""
