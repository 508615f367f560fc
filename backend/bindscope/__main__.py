"""``python -m bindscope``."""

from bindscope.cli import main

main()
