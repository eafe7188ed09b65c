"""Every fault, one small file each; its name is the fault's."""
