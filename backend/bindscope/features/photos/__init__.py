"""One photo and two captions."""
