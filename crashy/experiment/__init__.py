"""One file that says what runs, what goes wrong, what users ask and what is expected; and what runs it."""
