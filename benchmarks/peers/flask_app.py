"""Flask, as the labs' images use it: under its own server (with a PORT as argument), or under gunicorn."""

import logging
import sys

from flask import Flask

from benchmarks.peers.words import TEXT

app = Flask(__name__)


@app.get("/")
def root() -> str:
    """Answer what the patient does."""
    return TEXT


@app.get("/health")
def health() -> str:
    """Answer."""
    return "200 OK"


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app.run(host="127.0.0.1", port=int(sys.argv[1]), threaded=True)
