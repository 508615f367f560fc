"""The wire: pydantic models, one module a noun. May import domain; knows no service, store or encoder."""
