"""What probes will do, derived from their manifests: times, and known traps."""
