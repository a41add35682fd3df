"""hitl-stream: decides whether an automatically generated security patch may be deployed, and keeps the record."""

__version__ = "0.1.0"
