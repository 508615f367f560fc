"""``python -m bindscope_dashboard.health``: exit 0 where the dashboard of this container answers."""

import os
import sys
import urllib.request


def main() -> int:
    """0 or 1."""
    port = os.environ.get("BINDSCOPE_DASHBOARD_PORT", "8501")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=3) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(f"The dashboard does not answer on port {port}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
