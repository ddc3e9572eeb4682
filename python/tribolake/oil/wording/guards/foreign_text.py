"""Text that is no advice: a refusal, the message of an error, markup, or the words of somebody's instructions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from tribolake.oil.wording.guards.phrases import first_not_in
from tribolake.oil.wording.guards.sentences import folded, normal

MARKUP = re.compile(
    r"https?:|www\b|punto com\b|\b[a-z0-9-]{2,40}\.(?:com|org|net|io|cl|es|pe|mx|co|info|edu|gov|ai|dev|"
    r"app)\b|\w@\w|```|~~~|</?[a-z!][^<>]{0,80}>|&[a-z]{2,8};|\]\(|\*\*|__|^\s*[#>*-]\s|\|.*\||"
    r"<\||\|>|\[/?inst\]|\[\[|\{\{|\}\}|\\[nrtu\"]|\$\{|\bjavascript\b"
)
INSTRUCTIONS = re.compile(
    r"(?:^|[\n.:;])\s*(?:system|assistant|user|sistema|asistente|usuario|human|ai)\s*:|"
    r"ignor\w+ (?:\w+ ){0,3}(?:previous|prior|above|anterior\w*|previ\w+|instruc\w+)|"
    r"(?:previous|prior|above) instructions|instrucciones (?:anteriores|previas)|system prompt|"
    r"\b(?:json|api|slots?|prompts?)\b|as instructed|segun las instrucciones|"
    r"^\s*\"?(?:observation|cause|action|observacion|causa|accion|urgency|urgencia)\"?\s*:"
)
REFUSAL = re.compile(
    r"(?:como|soy)(?: un| una)? (?:modelo|asistente|inteligencia artificial|ia\b)|"
    r"(?:as an?|i am an?|i'm an?) (?:ai\b|language model|assistant|large language)|modelo de lenguaje|language model|"
    r"lo siento|disculp\w+|\blamento\b|\bperdon\b|i(?:'m| am) sorry|i apologi[sz]e|\bsorry\b|"
    r"no puedo (?:ayudar|proporcionar|generar|responder|dar|ofrecer|cumplir)|"
    r"no (?:me )?(?:es|fue|ha sido|era|resulto) posible (?:generar|responder|obtener|completar|procesar|"
    r"elaborar|redactar)|"
    r"no (?:tengo|dispongo|cuento|se dispone|hay|tenemos|existe)(?: de| con)?(?: la)? (?:informacion|datos|"
    r"contexto) suficientes?|"
    r"(?:informacion|datos) insuficientes?|(?:not enough|insufficient) (?:information|data|context)|"
    r"(?:recommendation|response|answer) could not be|"
    r"i (?:cannot|can't|can not|am unable|'m unable)|unable to (?:help|assist|comply|provide|generate)"
)
ERROR = re.compile(
    r"^\s*(?:null|none|nan|n/?a|undefined|error|sin datos|test|todo|-+|\.+)\s*\.?\s*$|"
    r"\b(?:\w*error|\w*exception)\s*[:(\[{]|\btraceback\b|\berror (?:al |code|codigo|\d{3})|"
    r"error (?:generando|de (?:api|conexion|red|servidor|autenticacion))|\bapi[ _-]?key\b|\brate[ _-]?limit|"
    r"insufficient_quota|\bquota\b|too many requests|bad gateway|service unavailable|internal server error|"
    r"http (?:status )?[45]\d\d|\b(?:connection|request) (?:error|timed? ?out|refused|reset)|timed out|\btimeout\b|"
    r"(?:ha ocurrido|ocurrio|hubo|se produjo|se ha producido|surgio) un (?:\w{1,12} )?(?:error|problema|fallo)|"
    r"error (?:interno|inesperado|desconocido|occurred|has occurred)|(?:unexpected|internal|unknown) error|"
    r"excepcion no controlada|unhandled exception|\b(?:la|the) api\b|(?:devolvio|returned) (?:un |una |"
    r"an? )?(?:fallo|error)|"
    r"\bintente(?:lo)? (?:de nuevo|nuevamente|otra vez|mas tarde)|(?:please )?try again|"
    r"saldo insuficiente|(?:insufficient|no) (?:balance|credits?|funds)|(?:se agoto|sin) (?:el )?(?:credito|saldo)|"
    r"no se pudo (?:generar|obtener|procesar|conectar)|failed to (?:generate|fetch|connect|parse)|"
    r"(?:recomendacion|servicio|servidor|modelo|respuesta) no disponible|(?:recommendation|server|"
    r"model) (?:not |un)available|"
    r"\b(?:openai|chatgpt|gpt-?\d|anthropic|claude|llama)\b"
)
TYPOGRAPHY = frozenset("µμΩ°ªº")
# Unseen characters, symbols but those of arithmetic, marks joined to no letter, numbers that are no digits.
UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "So", "Sc", "Sk", "Nl", "No", "Mn", "Mc", "Me"})


@lru_cache(maxsize=16_384)
def is_error(text: str, allowed: str = "") -> str | None:
    """The words of an error or a refusal that stand where advice should; not those that `allowed` says too."""
    return first_not_in(allowed, _phrases(text, ERROR, REFUSAL))


def is_foreign(text: str, allowed: str = "") -> str | None:
    """Markup, an address, or words of instructions; not those that `allowed` says too."""
    return first_not_in(allowed, _phrases(text, MARKUP, INSTRUCTIONS))


def odd_character(text: str) -> str | None:
    """The name of a character that cannot be seen, turns the direction of writing, or only looks like another one."""
    for character in unicodedata.normalize("NFC", text):
        if character not in TYPOGRAPHY and (unicodedata.category(character) in UNSEEN or _is_lookalike(character)):
            return unicodedata.name(character, f"U+{ord(character):04X}")
    return None


def _is_lookalike(character: str) -> bool:
    """A letter that is none of a to z, with an accent or without: `ı` and `ɑ` are read as others by people."""
    return character.isalpha() and not ("a" <= unicodedata.normalize("NFD", character)[0].lower() <= "z")


def _phrases(text: str, *patterns: re.Pattern[str]) -> Iterator[str]:
    plain = folded(normal(text)).replace("’", "'")
    for pattern in patterns:
        yield from (match.group().strip() or "an empty phrase" for match in pattern.finditer(plain))
