"""Text that is no advice: a refusal, or the message of an error."""

from __future__ import annotations

import re
from functools import lru_cache

from tribolake.oil.evaluation.clauses import folded, normal

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


@lru_cache(maxsize=16_384)
def is_error(text: str) -> str | None:
    """Return the words of an error or a refusal that stand where advice should, or None."""
    plain = folded(normal(text)).replace("’", "'")
    found = ERROR.search(plain) or REFUSAL.search(plain)
    return (found.group().strip() or "an empty phrase") if found else None
