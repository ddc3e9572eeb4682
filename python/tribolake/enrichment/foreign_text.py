"""Text that is no advice: a refusal, the message of an error, markup, or the words of somebody's instructions."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from tribolake.enrichment.sentences import folded, normal

MARKUP = re.compile(
    r"https?:|www\.|\w@\w|```|~~~|</?[a-z!][^<>]{0,80}>|&[a-z]{2,8};|\]\(|\*\*|__|^\s*[#>*-]\s|\|.*\||"
    r"<\||\|>|\[/?inst\]|\[\[|\{\{|\}\}|\\[nrtu\"]|\$\{|\bjavascript\b"
)
INSTRUCTIONS = re.compile(
    r"(?:^|[\n.:;])\s*(?:system|assistant|user|sistema|asistente|usuario|human|ai)\s*:|"
    r"ignor\w+ (?:\w+ ){0,3}(?:previous|prior|above|anterior\w*|previ\w+|instruc\w+)|"
    r"(?:previous|prior|above) instructions|instrucciones (?:anteriores|previas)|system prompt|"
    r"json schema|esquema json|\bprompts?\b|as instructed|segun las instrucciones|"
    r"^\s*\"?(?:observation|cause|action|observacion|causa|accion|urgency|urgencia)\"?\s*:"
)
REFUSAL = re.compile(
    r"(?:como|soy)(?: un| una)? (?:modelo|asistente|inteligencia artificial|ia\b)|"
    r"(?:as an?|i am an?|i'm an?) (?:ai\b|language model|assistant|large language)|modelo de lenguaje|language model|"
    r"lo siento|disculp\w+|\blamento\b|\bperdon\b|i(?:'m| am) sorry|i apologi[sz]e|\bsorry\b|"
    r"no puedo (?:ayudar|proporcionar|generar|responder|dar|ofrecer|cumplir)|"
    r"no (?:es|me es) posible (?:generar|responder)|"
    r"i (?:cannot|can't|can not|am unable|'m unable)|unable to (?:help|assist|comply|provide|generate)"
)
ERROR = re.compile(
    r"^\s*(?:null|none|nan|n/?a|undefined|error|sin datos|test|todo|-+|\.+)\s*\.?\s*$|"
    r"\b(?:\w*error|\w*exception)\s*[:(\[{]|\btraceback\b|\berror (?:al |code|codigo|\d{3})|"
    r"error (?:generando|de (?:api|conexion|red|servidor|autenticacion))|\bapi[ _-]?key\b|\brate[ _-]?limit|"
    r"insufficient_quota|\bquota\b|too many requests|bad gateway|service unavailable|internal server error|"
    r"http (?:status )?[45]\d\d|\b(?:connection|request) (?:error|timed? ?out|refused|reset)|timed out|\btimeout\b|"
    r"no se pudo (?:generar|obtener|procesar|conectar)|failed to (?:generate|fetch|connect|parse)|"
    r"(?:recomendacion|servicio|modelo|respuesta) no disponible|recommendation (?:not|un)available|"
    r"\b(?:openai|chatgpt|gpt-?\d|anthropic|claude|llama)\b"
)
TYPOGRAPHY = frozenset("µμΩ°")
UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


@lru_cache(maxsize=16_384)
def is_error(text: str) -> str | None:
    """The words of an error or a refusal that stand where advice should."""
    return _first(text, ERROR, REFUSAL)


def is_foreign(text: str) -> str | None:
    """Markup, an address, or words of instructions."""
    return _first(text, MARKUP, INSTRUCTIONS)


def odd_character(text: str) -> str | None:
    """The name of a character that cannot be seen, turns the direction of writing, or only looks like a Latin one."""
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        is_letter = category[0] == "L" and character not in TYPOGRAPHY
        is_latin = not is_letter or unicodedata.name(character, "").startswith(("LATIN", "FEMININE", "MASCULINE"))
        if category in UNSEEN or category[0] == "M" or (category == "So" and character != "°") or not is_latin:
            return unicodedata.name(character, f"U+{ord(character):04X}")
    return None


def _first(text: str, *patterns: re.Pattern[str]) -> str | None:
    plain = folded(normal(text)).replace("’", "'")
    found = (match for pattern in patterns if (match := pattern.search(plain)))
    return next((match.group().strip() or "an empty phrase" for match in found), None)
