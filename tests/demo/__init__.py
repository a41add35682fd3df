"""The demo and its neighbours: everything together, on the embedded parts."""
