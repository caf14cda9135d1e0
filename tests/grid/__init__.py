"""Tests of WHERE: places, codes, editions, the raster, loading and division."""
