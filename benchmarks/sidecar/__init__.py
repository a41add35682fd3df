"""What a decision costs beside a bare route, reads at ten thousand and at ten million patches, and live updates."""
