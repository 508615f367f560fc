"""How the dashboard is started: the command line of ``streamlit run`` with all its options."""

import sys
from pathlib import Path

from bindscope_dashboard.theme import streamlit_options

_OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.maxUploadSize": "8",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "viewer",
    "runner.magicEnabled": "false",
    "runner.fastReruns": "true",
    "logger.level": "warning",
}


def command(host: str = "127.0.0.1", port: int = 8501) -> list[str]:
    """The process to start. Reads no settings: the address of the service comes from ``BINDSCOPE_API_URL``."""
    app = str(Path(__file__).with_name("app.py"))
    options = {"server.address": host, "server.port": str(port), **_OPTIONS, **streamlit_options()}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", app, *flags]
