"""What the client raises."""


class ApiError(Exception):
    """The service said no. ``str(error)`` is its sentence; ``known`` lists valid names where a name was unknown."""

    def __init__(self, status: int, title: str, detail: str, known: tuple[str, ...] = ()) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.known = known
        super().__init__(detail)


class ServiceUnreachable(ApiError):
    """Nothing answers at the address."""

    def __init__(self, url: str) -> None:
        super().__init__(
            503,
            "Service unreachable",
            f"No Bindscope service answers at {url}: start one with 'bindscope up'.",
        )
