"""Comments of people, from Markdown to harmless HTML."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from django.utils.safestring import SafeString, mark_safe

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["LONGEST", "render_comment"]

LONGEST: Final = 20_000
"""Characters of a comment at most."""

_TAGS: Final = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
        ["table", "strikethrough"]
    )


def render_comment(text: str) -> SafeString:
    """Return a comment as HTML.

    HTML inside of it is shown as text; pictures are left out, for they would be fetched from
    elsewhere; links go to http, https and mailto only.
    """
    import nh3

    html = nh3.clean(
        _markdown().render(text[:LONGEST]),
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(html)  # noqa: S308  (sanitised above)
