"""What people would pick instead: the same two routes, / and /health, in each."""
