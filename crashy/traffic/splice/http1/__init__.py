"""HTTP/1.1 as it passes: heads, the framing of messages, and what happens to one request."""
