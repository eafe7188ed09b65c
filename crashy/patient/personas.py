"""The lab apps that the patient can imitate; PERSONA selects one.

Their own routes are in `crashy/server/personas/`; the images that they replace, in `crashy/objects/images.py`.
"""

from __future__ import annotations

GREETINGS = {
    "crashy-app": "Hi, my name is {pod} and I'm a crashy app...\nBut I didn't crash... yet :D\n",
    "webapp-delayed-start": "Hello from {pod}!\n",
    "webapp-color": "Hello from {pod}!\n",
    "flask-healthcheck": "Hello from {pod}!\n",
    "rng": "RNG running on {pod}\n",
}
"""The body of /, by persona."""
