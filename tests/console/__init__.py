"""The console in a real browser: Chromium, the real sidecar, a real Postgres."""
