"""The patient."""
