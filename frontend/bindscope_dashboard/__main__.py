"""``python -m bindscope_dashboard --host 127.0.0.1 --port 8501``: starts the dashboard and waits for it."""

import argparse
import os

from bindscope_dashboard.launch import command


def main() -> None:
    """Becomes the streamlit process, so that signals and the exit status are its own."""
    parser = argparse.ArgumentParser(prog="bindscope_dashboard", description="The Bindscope dashboard.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8501)
    options = parser.parse_args()
    started = command(options.host, options.port)
    os.execv(started[0], started)


if __name__ == "__main__":
    main()
