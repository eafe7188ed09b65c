"""The public Python API: see `crashy.__all__`."""
