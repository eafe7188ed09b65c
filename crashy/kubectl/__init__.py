"""The output of kubectl."""
