"""``python -m bindscope_dashboard --host 127.0.0.1 --port 8501``: starts the dashboard and waits for it."""

import argparse
import ipaddress
import os
import sys

from bindscope_dashboard.launch import command

_YES = ("1", "true", "yes", "on")


def main() -> None:
    """Becomes the streamlit process, so that signals and the exit status are its own."""
    parser = argparse.ArgumentParser(prog="bindscope_dashboard", description="The Bindscope dashboard.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8501)
    options = parser.parse_args()
    if not _is_loopback(options.host) and os.environ.get("BINDSCOPE_ALLOW_OPEN_DASHBOARD", "").lower() not in _YES:
        sys.exit(
            f"bindscope: Everybody who reaches {options.host} could use the dashboard, and it has no login: leave it "
            "on 127.0.0.1, or set BINDSCOPE_ALLOW_OPEN_DASHBOARD=1 where something in front of it asks for one."
        )
    started = command(options.host, options.port)
    os.execv(started[0], started)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    main()
