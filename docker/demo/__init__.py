"""The demo: a fictional city or a real night's requests, loaded once, and its traffic through the real doors."""
