"""The patient without sockets, processes and time: its settings, countdowns, probe routes and responses."""

APP_PORT = 8080
ADMIN_PORT = 8081
"""The default ports of the patient and its admin API."""

TERMINATION_MESSAGE_PATH = "/dev/termination-log"
"""Where Kubernetes expects a container's last words by default."""
TERMINATION_MESSAGE_BYTES = 4096
"""What the kubelet reads of them (kubelet: pkg/kubelet/container/runtime.go MaxContainerTerminationMessageLength)."""
