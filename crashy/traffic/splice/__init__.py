"""Connections that are accepted here and spliced to a server, with faults between the two."""
