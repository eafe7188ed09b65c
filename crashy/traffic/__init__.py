"""The loop that asks on a fixed schedule and keeps every answer."""
