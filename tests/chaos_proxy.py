"""A line to a store that can be made slow, silent, or led to another store."""

import contextlib
import socket
import threading
import time


class ChaosProxy:
    """Listens on loopback and passes bytes to the unix socket ``target``, each piece ``delay`` seconds late."""

    def __init__(self, target: str) -> None:
        self.target, self.delay = target, 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lines: list[socket.socket] = []
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __enter__(self) -> "ChaosProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._listener.close()
        self.hang_up()

    def lead_to(self, target: str) -> None:
        """Another store from now on; the lines to the old one break."""
        self.target = target
        self.hang_up()

    def hang_up(self) -> None:
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        self._lines.clear()

    def _accept(self) -> None:
        while self._open:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.target)
            except OSError:
                near.close()
                continue
            self._lines += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                if self.delay:
                    time.sleep(self.delay)
                other.sendall(piece)
        for line in (one, other):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
