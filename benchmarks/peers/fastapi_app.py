"""FastAPI, under uvicorn."""

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from benchmarks.peers.words import TEXT

app = FastAPI()


@app.get("/", response_class=PlainTextResponse)
async def root() -> str:
    """Answer what the patient does."""
    return TEXT


@app.get("/health", response_class=PlainTextResponse)
async def health() -> str:
    """Answer."""
    return "200 OK"
