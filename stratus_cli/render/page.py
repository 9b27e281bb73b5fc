"""Page: lines of styled words for a person. The only place that hands text to rich.

Words are plain data, never markup, and pass through safe.clean; so cluster text cannot style,
move the cursor or start a new line.
"""

from __future__ import annotations

from typing import TextIO

from stratus_cli.render.safe import clean

Word = str | tuple[str, str]  # text, or (text, style)


class Page:
    """Lines in order. A style is one of rich's: "bold", "red", "bold red", "dim" ..."""

    def __init__(self) -> None:
        self._lines: list[tuple[tuple[str, str], ...]] = []

    def line(self, *words: Word, indent: int = 0) -> None:
        """Add one line; words are joined as they are, without blanks between."""
        pairs = [(word, "") if isinstance(word, str) else word for word in words]
        styled = tuple((clean(text, longest=None), style) for text, style in pairs)
        self._lines.append(((" " * indent, ""), *styled) if indent else styled)

    def blank(self) -> None:
        """An empty line, never two in a row and never first."""
        if self._lines and self._lines[-1]:
            self._lines.append(())

    def field(self, name: str, *words: Word, indent: int = 3, width: int = 10) -> None:
        """A name in a column of its own, then its words."""
        self.line((f"{name:<{width}}", "dim"), *words, indent=indent)

    def add(self, other: Page, *, indent: int = 0) -> None:
        """Another page's lines below these."""
        pad: tuple[tuple[str, str], ...] = ((" " * indent, ""),) if indent else ()
        self._lines.extend((*pad, *line) if line else () for line in other._lines)

    def __bool__(self) -> bool:
        return bool(self._lines)

    @property
    def text(self) -> str:
        """The page without styles."""
        lines = ("".join(text for text, _ in line).rstrip() for line in self._lines)
        return "\n".join(lines).rstrip("\n") + "\n" if self._lines else ""

    def show(self, file: TextIO) -> None:
        """Print it; coloured when the file is a terminal and NO_COLOR is not set."""
        if not file.isatty():
            file.write(self.text)
            file.flush()
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=True)
        for line in self._lines:
            console.print(Text.assemble(*line))
