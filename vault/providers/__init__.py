"""Models the product can call: chat and embeddings, offline or at an endpoint."""
