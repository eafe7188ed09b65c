"""How all that users may set is declared: a record's fields, what each may be, durations as people write them."""
