"""One machine, no containers: real Kafka, real PostgreSQL and all our processes, supervised.

Importable as `local` when `docker/` is on the path. Never put `docker/local/` itself on the path:
its `kafka.py` would hide the kafka-python package.
"""
