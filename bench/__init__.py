"""What `make bench` measures: our ways against a floor or a peer of the same run (docs/performance.md)."""
