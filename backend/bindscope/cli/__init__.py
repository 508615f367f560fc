"""The command line. Imports stay light: ``bindscope --help`` loads neither torch nor a web server."""

from bindscope.cli.main import main

__all__ = ["main"]
