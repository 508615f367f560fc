"""HTML from Python values: every text is escaped, so that a caption or a model's name is never markup."""

from html import escape


class Html(str):
    """Text that is already HTML."""

    __slots__ = ()


Child = str | Html


def tag(name: str, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """``tag("p", "a < b", cls="note")``. ``cls`` is class, underscores become hyphens; None and False are left out."""
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = "class" if key == "cls" else key.replace("_", "-")
        written += f" {key}" if value is True else f' {key}="{escape(str(value), quote=True)}"'
    if name in ("img", "br"):
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """The children one after the other, texts escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))
