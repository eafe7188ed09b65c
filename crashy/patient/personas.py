"""The known lab apps as which the patient can answer; PERSONA names one.

Routes of their own are in `crashy/server/personas/`; the images that they stand in for, in `crashy/objects/images.py`.
"""

from __future__ import annotations

GREETINGS = {
    "crashy-app": "Hi, my name is {pod} and I'm a crashy app...\nBut I didn't crash... yet :D\n",
    "webapp-delayed-start": "Hello from {pod}!\n",
    "webapp-color": "Hello from {pod}!\n",
    "flask-healthcheck": "Hello from {pod}!\n",
    "rng": "RNG running on {pod}\n",
}
"""What / says, by persona."""
