"""Kubernetes manifests: read safely, placed exactly, checked wholly."""
