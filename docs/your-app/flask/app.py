"""A shop in Flask, as its image runs it: `gunicorn --workers 2 app:app`."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def items() -> dict[str, list[str]]:
    """List what is for sale."""
    return {"items": ["tea", "cups", "kettles"]}


@app.get("/healthz")
def healthz() -> str:
    """Say that the app answers."""
    return "ok\n"
