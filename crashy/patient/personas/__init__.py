"""The lab apps that the patient can imitate; PERSONA selects one.

Their own routes are in `crashy/patient/personas/` and `crashy/server/personas/`; the images that they replace, in
`crashy/objects/images.py`.
"""

from __future__ import annotations

GREETINGS = {
    "crashy-app": "Hi, my name is {pod} and I'm a crashy app...\nBut I didn't crash... yet :D\n",
    "webapp-delayed-start": "Hello from {pod}!\n",
    "webapp-color": "Hello from {pod}!\n",
    "flask-healthcheck": "Hello from {pod}!\n",
    "rng": "RNG running on {pod}\n",
    "kuard": "KUAR Demo on {pod}\n",
    "agnhost": "agnhost netexec on {pod}\n",
    "agnhost-liveness": "agnhost liveness on {pod}\n",
    "podinfo": "greetings from podinfo on {pod}\n",
    "kubia": "You've hit {pod}\n",
}
"""The body of /, by persona, unless the persona has a route of its own for it."""

WITH_ROUTES = {
    **{name: name for name in ("kuard", "agnhost", "podinfo", "kubia")},
    "agnhost-liveness": "agnhost",
}
"""The file in `crashy/patient/personas/` of each persona that has routes of its own."""

UNWELL = {"kubia": "I'm not well. Please restart me!"}
"""The body of every path after a crash that the process survived, of personas that have their own words for it."""
