"""Real services for tests: what starts them, what they need installed, and what a folder of tests may take."""
