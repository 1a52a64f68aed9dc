"""Where the templates of texts come from: read once, their CSS inlined once, an unknown word in one is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from css_inline import CSSInliner
from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined, Template, select_autoescape

HTML = ".html.j2"

_MARK = re.compile(r"{%.*?%}", re.DOTALL)
_MARK_IN_COMMENT = re.compile(r"<!--({%.*?%})-->", re.DOTALL)


class InliningLoader(BaseLoader):
    """A loader whose HTML templates have their `<style>` written into the elements; media queries stay in the head."""

    def __init__(self, source: BaseLoader) -> None:
        self._source = source
        self._inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Read a template. Block marks travel as comments: elsewhere an HTML parser moves them out of tables."""
        text, name, fresh = self._source.get_source(environment, template)
        if template.endswith(HTML):
            inlined = self._inliner.inline(_MARK.sub(lambda mark: f"<!--{mark[0]}-->", text))
            text = re.sub(r"\n\s*", "\n", _MARK_IN_COMMENT.sub(r"\1", inlined))
        return text, name, fresh


class Texts:
    """The templates of one language. `vi/<kind>.j2` holds the words of a kind in blocks; `mail.*` lay a page out."""

    def __init__(self, loader: BaseLoader, language: str = "vi") -> None:
        self.language = language
        self._templates: dict[str, Template] = {}
        self._environment = Environment(
            loader=InliningLoader(loader),
            # The sheets give plain text, which is escaped when it is set into HTML.
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default_for_string=False),
            undefined=StrictUndefined,
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def sheet(self, name: str, words: Mapping[str, object]) -> Callable[[str], str]:
        """Open a sheet with its words; what comes back gives the text of a block, without the white space around it."""
        template = self._template(f"{self.language}/{name}.j2")
        # `shared`: the words are all that a sheet sees; copying Jinja's globals beside them costs half of a mail.
        context = template.new_context(dict(words), shared=True)
        return lambda block: "".join(template.blocks[block](context)).strip()

    def say(self, sheet: str, block: str, words: Mapping[str, object]) -> str:
        """Give the text of one block of a sheet."""
        return self.sheet(sheet, words)(block)

    def lay_out(self, layout: str, words: Mapping[str, object]) -> str:
        """Give a whole mail, text or HTML, from a layout."""
        template = self._template(layout)
        return "".join(template.root_render_func(template.new_context(dict(words), shared=True)))

    def _template(self, name: str) -> Template:
        """Keep what was read: Jinja's own look-up takes locks, and a mail has many."""
        if name not in self._templates:
            self._templates[name] = self._environment.get_template(name)
        return self._templates[name]


@cache
def shipped_texts(language: str = "vi") -> Texts:
    """Give the texts that ship with WarnWatch, in one language."""
    return Texts(PackageLoader("warnwatch.notify"), language)
