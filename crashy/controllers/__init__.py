"""What the control plane does: one file a controller."""
