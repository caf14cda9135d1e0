"""The API, asked over HTTP, on a real database and where it matters a real broker."""
