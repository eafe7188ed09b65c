"""Toxiproxy's HTTP API, so that its clients drive `crashy proxy`: proxies, and toxics on what passes them."""
