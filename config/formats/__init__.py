"""How dates are written: short enough for a list. Django names the modules by language."""
