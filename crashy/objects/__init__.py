"""Kubernetes' objects, pure: what may be in them, what is filled in, and what the API server refuses."""
