"""State reaches routes from here, never from a module global."""

from typing import Annotated

from fastapi import Depends, Request

from bindscope.services.container import Services


def services_of(request: Request) -> Services:
    """The services that the app's lifespan assembled."""
    found: Services = request.state.services
    return found


Parts = Annotated[Services, Depends(services_of)]
