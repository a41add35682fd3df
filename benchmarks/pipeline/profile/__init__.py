"""Where each microsecond of the worker goes: py-spy under load, grouped by area."""
