"""Damage to the data of a good run, each kind with the violation that the judge must find."""
