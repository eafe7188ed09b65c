"""The commands: one module each, with `main(argv) -> exit code`, imported when it is chosen."""
