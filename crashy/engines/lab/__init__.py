"""Pods as processes on loopback addresses of their own."""
