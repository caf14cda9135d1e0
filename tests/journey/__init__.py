"""Whole journeys through the system, on real Kafka and a real database."""
