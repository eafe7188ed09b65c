"""What a program that tests something uses of crashy: see `crashy.__all__`."""
