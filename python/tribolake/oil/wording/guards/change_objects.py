"""What a change is done to: the nouns of a clause that are more than an attribute of another one."""

from __future__ import annotations

from tribolake.oil.wording.guards.change_words import CHANGE, HARMLESS, NOUN, OBJECT


def objects_of(words: tuple[str, ...]) -> list[str]:
    """What is changed: each noun that is not only an attribute of another one."""
    found: list[str] = []
    previous = ""
    for i, word in enumerate(words):
        if CHANGE.fullmatch(word) and not NOUN.fullmatch(word):
            break
        if word in OBJECT or word in HARMLESS:
            # `filtro de aceite`, `oil filter`, `engine air filter`
            is_linked = "de" in words[max(0, i - 3) : i] or "del" in words[max(0, i - 2) : i]
            is_of_another = found and is_linked and previous in HARMLESS
            is_attribute = word in OBJECT and any(
                later in HARMLESS and not ({"and", "or", "y", "o", "de", "del", ",", "e"} & {*words[i + 1 : i + 1 + k]})
                for k, later in enumerate(words[i + 1 : i + 3])
            )
            if not (is_of_another or is_attribute):
                found.append(word)
            previous = word
    return found
