"""What upstream sends: real and invented patches, stories about them, poison, and the producing of it."""
