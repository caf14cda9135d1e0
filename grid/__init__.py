"""WHERE: the pure geometry of a city — its unit grids 单元网格, their editions, and which cell holds a place."""
