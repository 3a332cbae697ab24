"""A plain Django REST framework and ORM turn, the peer of `bench/throughput.py`: what most projects would have written."""
