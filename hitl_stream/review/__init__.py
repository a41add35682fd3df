"""The life of a patch: states, commands and what each leads to. Pure."""
