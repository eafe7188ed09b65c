"""Pods as models on a virtual clock."""
