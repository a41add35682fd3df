"""One module per command: reads settings, wires the parts, starts them."""
