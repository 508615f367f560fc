"""HTTP: routes, errors and the app. Nothing but translation between the wire and the services."""
