"""Kubernetes' objects, pure: their fields, defaults, and the API server's validation."""
