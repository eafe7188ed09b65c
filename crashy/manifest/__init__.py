"""Kubernetes manifests: parsing, kustomizations, and the position of every field."""
