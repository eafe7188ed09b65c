"""What the patient is, apart from sockets, processes and time: its settings, its countdowns, its probe routes."""
