"""Figures whose texts may be in any script, as names of the user's own variables are."""

import functools
import warnings

from matplotlib import figure, font_manager
from matplotlib.text import Text


@functools.cache
def _letters_of(path: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(path).get_charmap())


@functools.cache
def families_for(letters: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """Installed font families that have these letters, the usual one first, and the letters that none has."""
    usual = font_manager.FontProperties().get_name()
    left = {ord(letter) for letter in letters} - _letters_of(font_manager.findfont(usual))
    families = [usual]
    for font in font_manager.fontManager.ttflist:
        if not left:
            break
        if font.name.startswith("Last Resort"):  # boxes
            continue
        found = left & _letters_of(font.fname)
        if found:
            families.append(font.name)
            left -= found
    return tuple(families), "".join(map(chr, sorted(left)))


@functools.cache
def _warn_of(missing: str) -> None:
    warnings.warn(
        f"no installed font has the letters {missing}, which figures show as boxes: install one that has them, such as"
        " Noto Sans CJK",
        stacklevel=2,
    )


class Figure(figure.Figure):
    """A figure that looks for fonts with the letters of its texts, and warns once of letters that no font has."""

    def draw(self, renderer):
        texts = [text for text in self.findobj(Text) if text.get_text()]
        letters = frozenset("".join(text.get_text() for text in texts)) - {"\n"}
        families, missing = families_for(letters)
        if missing:
            _warn_of(missing)
        for text in texts:
            if len(families) > 1:
                text.set_fontfamily(families)
            if "\\mathdefault" not in text.get_text():  # an axis' own
                text.set_parse_math(False)  # a name with a $ is no formula
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")
            super().draw(renderer)
