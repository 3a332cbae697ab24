"""Answering with a language model: grounded on what was found, checked against the facts, said sentence by sentence."""
