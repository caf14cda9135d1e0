"""Kills and outages under load, and the books afterwards."""
