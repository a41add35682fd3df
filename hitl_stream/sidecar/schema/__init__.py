"""What the sidecar answers and is sent, as models: the OpenAPI document is made of them, tests hold every answer to them."""
