"""The city's decisions as data: categories, rules, routes, limits."""
