"""What the patient is, apart from sockets, processes and time: its settings, its countdowns, its probe routes."""

APP_PORT = 8080
ADMIN_PORT = 8081
"""Where the patient and its admin API listen, unless PORT and ADMIN_PORT say otherwise."""
