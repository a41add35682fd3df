"""Everybody who uses the system while it is tormented: reviewers, listeners, whoever asks the gate; and a journal of it all."""
