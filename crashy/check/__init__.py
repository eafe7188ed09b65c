"""What probes will do, told from their manifests: numbers, and the traps that are known."""
