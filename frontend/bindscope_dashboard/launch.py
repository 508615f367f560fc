"""How the dashboard is started: the command line of ``streamlit run`` with all its options."""

import os
import sys
from pathlib import Path

from bindscope_dashboard.theme import streamlit_options

#: The script lies apart: Streamlit takes a folder ``pages`` beside its script for its own way of finding pages.
APP = Path(__file__).parent / "entry" / "app.py"
_OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "viewer",
    "runner.magicEnabled": "false",
    "runner.fastReruns": "true",
    "logger.level": "warning",
    # A widget of a popover has its value in the session and as its default (see ``fields``).
    "global.disableWidgetStateDuplicationWarning": "true",
}


def command(host: str = "127.0.0.1", port: int = 8501) -> list[str]:
    """The process to start. The address of the service comes from ``BINDSCOPE_API_URL``."""
    # What the service takes; the page holds it in memory on the way.
    most = {"server.maxUploadSize": os.environ.get("BINDSCOPE_MAX_UPLOAD_MB") or "1024"}
    options = {"server.address": host, "server.port": str(port), **most, **_OPTIONS, **streamlit_options()}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags]
