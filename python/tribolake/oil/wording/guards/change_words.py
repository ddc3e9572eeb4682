"""The words in which people tell others to change oil or a component, folded: lower case, without accents."""

from __future__ import annotations

import re


def one_of(*stems: str) -> re.Pattern[str]:
    return re.compile("|".join(stems))


def word_set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


CHANGE = one_of(
    r"(?:re)?cambi(?!o$|os$|a$|an$)\w+",
    r"(?:re)?cambios?",
    r"re(?:e)?mplaz(?!a$|an$)\w+",
    r"re(?:e)?mplac\w+",
    r"su[bs]?stitu(?!tiv)\w+",
    r"dren(?!a$|an$)\w+",
    r"renov(?!able)\w+",
    r"renuev(?:e|en)",
    r"vaci(?:ar|arse|arlo|e|en|ado|ada|ando|elo)",
    r"(?:lav|enjuag|enjuagu)(?:ar|arse|ue|e|en)",  # `lavado` is how water gets in
    r"(?:desmont|retir)(?:ar|arse|e|en|ado|aje)",
    r"(?:reacondicion|repotenci)(?:ar|e|en|ado|amiento)",
    r"reconstru(?:ir|ya|yan|ccion)",
    r"desech(?:ar|e|en|ado)",
    r"(?:quit|elimin|evacu|bot|desarm|repar|permut)(?:ar|arse|e|en|ado|ando)",
    r"(?:extrai|repon)(?:ga|gan)|(?:extra|repon)er|extraido",
    r"(?:purg|descarg)(?:ar|ue|uen|ado)|sa(?:car|que|quen)|rectifi(?:car|que|quen)",
    r"intercamb\w+",
    r"chang(?:e|es|ed|ing)(?:outs?)?",
    r"replac(?:e|es|ed|ing|ement|ements)",
    r"swap(?:s|ped|ping)?",
    r"drain(?:s|ed|ing|age)?",
    r"renew(?:s|ed|ing|al)?",
    r"flush(?:es|ed|ing)?",
    r"overhaul(?:s|ed|ing)?",
    r"rebuil(?:d|ds|t|ding)",
    r"(?:dump|discard|exchang|remov|evacuat|purg|scrap|substitut|recondition|repair|pumpout)(?:e|es|s|p?ed|p?ing)?",
    r"(?:drop|empt)(?:s|y|ies|ied|ped|ping|ying)?",
)
# A change even where nothing is named that it would be done to.
COMPLETE = one_of(r"dren(?:ar|e|en|ado|ando)", r"drain(?:ed|ing)?", "overhaul(?:ed|ing)?", r"recambi(?:ar|e|o)")
WITH_PRONOUN = re.compile(
    r"(?:cambie|reemplace|remplace|sustituya|drene|renueve|vacie|quite|extraiga|saque|elimine|repare)n?l[oa]s?|\w+[aei]rl[oa]s?"
)
NOUN = one_of(
    r"(?:re)?cambios?",
    r"re(?:e)?mplazos?",
    r"su[bs]?stitucion(?:es)?",
    r"drenajes?",
    r"renovacion",
    r"vaciado",
    r"changes?(?:outs?)?",
    r"replacements?",
    r"drain(?:s|age)?",
    r"flush(?:es|ing)?",
    r"overhauls?",
    r"renewal",
    r"drops?",
    r"repairs?",
)
PASSIVE = one_of(r"\w+(?:arse|irse|ado|ada|ados|adas|ido|ida|idos|idas)", r"\w+ed", r"rebuilt")
IN_A_LIST = one_of(r"\w+[aei]r(?:se)?", r"\w+ing", NOUN.pattern)

OIL = word_set(
    "aceite aceites lubricante lubricantes fluido carga oil oils charge lubricant lubricants lube fluid fill"
)
COMPONENT = word_set(
    "componente componentes pieza piezas parte partes conjunto unidad motor transmision convertidor diferencial mando "
    "mandos rueda ruedas bomba bombas cojinete cojinetes rodamiento rodamientos buje bujes camisa camisas anillo "
    "anillos piston pistones turbo turbocompresor inyector inyectores cilindro cilindros engranaje engranajes eje ejes "
    "enfriador radiador carter sistema circuito deposito component components part parts assembly unit engine "
    "transmission converter differential drive drives wheel pump pumps bearing bearings bushing bushings liner liners "
    "ring rings pistons turbocharger injector injectors cylinder cylinders gear gears shaft shafts cooler radiator "
    "sump system circuit gearbox"
)
OBJECT = OIL | COMPONENT
# What is changed, drained or washed without touching oil or component; and what is only spoken of as changing.
HARMLESS = word_set(
    "filtro filtros respiradero respiraderos sello sellos reten retenes manguera mangueras limpiador limpiadores tapon "
    "agua muestra muestras frasco jeringa etiqueta horas intervalo intervalos frecuencia tendencia color registro "
    "registros regimen condicion condiciones operacion programa plan metodo procedimiento punto lugar temperatura "
    "presion valor valores resultado resultados filter filters breather breathers seal seals hose hoses wiper wipers "
    "plug water sample samples bottle label interval intervals frequency trend color colour record records condition "
    "conditions operation schedule method procedure point place temperature pressure value values result results "
    "element elements elemento cartridge level nivel fuga fugas leak leaks falla fallas error errores"
)
# `caudal de drenaje`, `intervalo de cambio`: the change is only what something is called after.
CALLED_AFTER = HARMLESS | word_set(
    "caja palanca tapon linea caudal flujo valvula tiempo periodo fecha historial necesidad date history line flow "
    "valve case need motivo ausencia absence"
)
NAMED_BY_ENGLISH_NOUN = word_set("interval intervals plug flow line valve cock record records history date dates hours")

NEGATOR = word_set(
    "no not ningun ninguna sin without nunca never jamas ni nor tampoco evite evitar eviten avoid cannot dont"
)
# Between a negator and what it negates.
LIGHT = word_set(
    "a al an any algun alguna cualquier cualquiera be been being by como con conviene corresponde cambiarse "
    "de decidir del debe deben deberia do does the el la las los lo es para esta estan este esto hace hay haga haya is "
    "are it its for to of or o u un una unos unas su sus this that these se si sea ser son solo solamente only just "
    "simply unicamente mismo simple todavia aun yet now ahora needed necesario necesaria necesarios necesidad need "
    "needs necessary requiere requieren requerir requerido require requires required recomienda recomiendan "
    "recomendable recommended recommend aconseja aconsejable advise advised advisable justifica justifican justificar "
    "justificado justify justifies justified warrant warrants warranted amerita ameritan procede basta bastan enough "
    "sufficient suficiente limite limit yourself enough should must reason razon motivo reasons for que aplica "
    "considerar consider planificar plan programar schedule pensar ordenar order indica indican indicado indicated "
    "aconsejan aditivos aditivo additive additives alone solos por si mismos completo complete completa inmediato "
    "inmediata immediate total parcial full partial prematuro hacer realizar efectuar perform ningun ninguna todo toda "
    "y/o todos actual current aplicar proceder still used usado usada ya"
)
WITHOUT = word_set("sin without antes before")
ONLY = word_set("solo solamente unicamente only just")
LINKS = word_set("o u or ni nor")
NEED = word_set(
    "necesario necesaria necesarios necesarias necesita requiere requieren requerido requerida justifica justificado "
    "justificada justifican recomienda recomendado recomendada recomendable procede corresponde aplica conviene needed "
    "necessary required warranted justified recommended advised advisable amerita resuelve corrige basta enough "
    "sufficient solve fix suficiente indicado indicada"
)
NEEDLESS = word_set("innecesario innecesaria unnecessary injustificado injustificada unjustified unwarranted")

PAST = word_set("cambió cambiaron reemplazó reemplazaron sustituyó sustituyeron drenó drenaron renovó renovaron")
PAST_AUXILIARY = word_set("fue fueron ha han haya hayan hubo hubiera habia was were has had have")
UNRECORDED = word_set(
    "declarado declarada registrado registrada informado informada reportado reportada documentado anotado reciente "
    "anterior previo previa ultimo ultimos ultima undeclared unrecorded unreported unregistered undocumented recorded "
    "reported declared recent previous last earlier hubo"
)
COMING = word_set("proximo siguiente next scheduled programado")
AT_A_TIME = word_set("en hasta al at until till")
BEFORE_ANY = word_set("antes before")
ASKED_WHETHER = word_set("si whether if")
RECOMMENDED = one_of(
    r"recom[ie]{1,2}nd\w*",
    r"program(?:e|en|ar)",
    r"planifi\w+",
    "schedule",
    "plan",
    r"reali(?:ce|zar)",
    r"ha(?:ga|cer)",
    r"llev(?:e|ar)",
)
