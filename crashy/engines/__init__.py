"""Where an experiment runs: on this machine (lab), on virtual time (sim), on a cluster (kube)."""
