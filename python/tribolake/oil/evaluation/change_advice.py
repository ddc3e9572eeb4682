"""Whether a text tells its reader to change oil or a component, in Spanish or English.

It looks for a word of changing, for what is changed, and for a negation in front. Free text has more ways than a few
lists of words know: `WRONG_ADVICE` says how often it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tribolake.oil.evaluation.clauses import folded, normal

# Of the labelled sentences of tests/oil/evaluation/sentences.csv: how many it reads wrongly, and of how many.
WRONG_ADVICE = (32, 379)
CLAUSE = re.compile(r"[;:!?\n()]|\.(?!\d)")
WORD = re.compile(r"[^\W\d_]+|,")
SHOWN = 5  # words
AFTER, BEFORE = 8, 6  # words in which the noun of a verb is looked for


def words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


CHANGE = re.compile(
    r"(?:re)?cambi(?!o$|os$|a$|an$)\w+|re?e?mpla[zc](?!a$|an$)\w+|su[bs]?stitu(?!tiv)\w+|dren(?!a$|an$)\w+"
    r"|renov(?!able)\w+|renuev\w+|vaci\w+|(?:lav|enjuag)(?:ar|ue|e|en)|(?:desmont|retir)(?:ar|e|en|ado|o)|reacondici\w+"
    r"|reconstru\w+|desech\w+|desha[gzc]\w+|prescind\w+|trasieg\w+|trasegar|extrai?g\w+|repon(?:ga|gan|er)"
    r"|(?:quit|elimin|evacu|bot|desarm|repar|permut|tir)(?:ar|e|en|arlo|elo)|(?:purg|descarg)(?:ar|ue|uen)"
    r"|sa(?:car|que|quen|carlo)|rectifi(?:car|que|quen)|intercamb\w+|llevelo|rellen(?:e|en|ar)"
    r"|overhaul\w*|chang\w+|replac\w+|swap\w*|drain\w*|renew\w*|flush\w*|rebuil\w+|refill\w*|reline|scrap|discard|dump"
    r"|empty|dispos\w+|purge|evacuate|recondition|repair|remove|exchange|throw|drop|pump|bin|vent|pull"
)
# Nouns of changing, which also name intervals, records, and what is watched for.
NOUN = re.compile(
    r"(?:re)?cambios?|re?e?mplazos?|sustitucion\w*|drenajes?|renovacion|vaciado|retiro|changes?(?:outs?)?|replacements?"
    r"|drain(?:age)?|flush|overhaul|renewal|repairs?|swap|drop|pump|vent|disposal"
)
SUPPLY = re.compile(
    r"pon\w+|instal\w*|mont\w+|car(?:gar|gue|guen)|llen\w+|us(?:e|en|ar|ing)|solicit\w+|pid[ae]n?|pedir|compr\w+|agreg\w+"
    r"|emp(?:i?ec|le)\w+|necesi\w+|fill\w*|fit|put|switch|move|load|order|buy|top|add|start|need\w*|find|give|recib\w+|hora"
    r"|time"
)
NEW = words("nuevo nueva nuevos nuevas fresco fresca otro new fresh another")
# Said of oil or of a component, these end its service.
ENDED = re.compile(
    r"ya no|no longer|must go|has to come out|cannot stay|no debe permanecer|debe salir|is due|de de baja|get rid of"
    r"|take the \w+ out|take it out|let the \w+ (?:out|go)|dej\w+ (?:ir|salir|de usar)|stop using|no us\w+ mas"
    r"|no siga usando|do not reuse|mande fuera|reparacion mayor|mantenimiento mayor|servicio de aceite|oil service"
    r"|service the|return the oil|waste|a desecho|llevelo fuera|start (?:over|fresh)|a taller"
)
OBJECT = words(
    "aceite aceites lubricante fluido carga oil lubricant charge fluid componente conjunto motor transmision "
    "convertidor diferencial bomba cojinete cojinetes rodamiento rodamientos buje bujes camisa camisas anillo "
    "anillos piston pistones turbo inyector inyectores cilindro cilindros engranaje engranajes carter sistema pieza "
    "piezas component engine transmission converter differential pump bearing bearings bushing bushings liner "
    "liners ring rings pistons turbocharger injector injectors cylinder gear gears sump system product producto uno "
    "it them"
)
HARMLESS = words(
    "filtro filtros respiradero respiraderos sello sellos manguera mangueras tapon agua muestra contramuestra "
    "etiqueta horas intervalo intervalos frecuencia tendencia color registro historial condicion programa punto "
    "temperatura presion valor ruido comportamiento consumo fugas fuga filter filters breather breathers seal seals "
    "hose hoses plug water sample label interval intervals trend record records condition point temperature "
    "pressure value noise performance element leak leaks inspection"
)
JOINS = words("y and , de of")
NEGATOR = words(
    "no not ningun ninguna sin without nunca never ni nor tampoco evite evitar avoid dont cannot antes before"
)
# After one of these a negation reaches no further: `no dude en cambiar el aceite`.
UNDONE = words(
    "espere dude olvide deje postergue wait delay hesitate forget razon filtro filter sino but opere operate operar "
    "solo"
)
NEEDED = words("necesario innecesario justificado required unnecessary necessary need")
# A change that is past, watched for, or asked about.
SPOKEN_OF = words(
    "hubo fue si whether intervalo caja caudal fecha historial ultimo proximo interval plug flow case date declarado "
    "undeclared registrado unrecorded recientes vigile observe registre watch monitor posible possible was were"
)


@lru_cache(maxsize=16_384)
def advises_change(text: str) -> str | None:
    """Return the words that advise a change of oil or a component, or None."""
    for clause in CLAUSE.split(folded(normal(text)).replace("’", "'").replace("n't", " not")):
        found = WORD.findall(clause)
        ended = ENDED.search(clause)
        if ended and (OBJECT | {"el"}) & {*found}:
            return ended.group()
        for i in range(len(found)):
            if _is_advised(found, i):
                return " ".join(found[max(0, i - 1) : i + SHOWN])
    return None


def _is_advised(found: Sequence[str], i: int) -> bool:
    word, after = found[i], found[i + 1 : i + 1 + AFTER]
    is_noun = bool(NOUN.fullmatch(word))
    is_change = bool(CHANGE.fullmatch(word)) or is_noun or bool(SUPPLY.fullmatch(word) and NEW & {*after[:6]})
    if not is_change or not _changes_oil_or_component(found, i) or _is_negated(found, i):
        return False
    is_participle = word.endswith(("ado", "ada", "ido", "ed"))
    return not ((is_noun or is_participle) and SPOKEN_OF & {*found[max(0, i - BEFORE) : i + SHOWN]})


def _changes_oil_or_component(found: Sequence[str], i: int) -> bool:
    """Whether oil or a component is what is changed: not in `filtro de aceite` or `oil filter`."""
    if CHANGE.fullmatch(found[i]) and found[i].endswith(("elo", "arlo", "erlo")):
        return True
    after = found[i + 1 : i + 1 + AFTER]
    nouns = [place for place, word in enumerate(after) if word in OBJECT | HARMLESS]
    if not nouns:
        before = [word for word in found[max(0, i - BEFORE) : i] if word in OBJECT | HARMLESS]
        is_complete = found[i].startswith(("dren", "drain", "refill", "rellen", "overhaul", "recambi"))
        return before[-1] in OBJECT if before else is_complete
    first = nouns[0]
    following = after[first + 1 : first + 3]
    if after[first] in OBJECT:
        return not HARMLESS & {*following} or bool(JOINS & {*following[:1]})
    return bool({"y", "and"} & {*following[:1]}) and any(after[place] in OBJECT for place in nouns[1:2])


def _is_negated(found: Sequence[str], i: int) -> bool:
    near = found[max(0, i - AFTER - 1) : i]
    negated = next((place for place in reversed(range(len(near))) if near[place] in NEGATOR), None)
    if negated is None:
        after = {*found[i + 1 : i + AFTER]}
        return bool(NEGATOR & after and NEEDED & after) or bool({"unnecessary", "innecesario"} & after)
    between = near[negated + 1 :]
    is_joined = bool({"y", "and", ","} & {*between}) and not any(map(CHANGE.fullmatch, between))
    return not is_joined and not UNDONE & {*between}
