"""What may be published and what may not: every guard with replies that must pass and replies that must not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tribolake.oil.wording.guards.violations import GUARD_NAMES, GUARDS, MOST_WORDS, violations
from tribolake.oil.wording.pattern import Pattern, Rule
from tribolake.oil.wording.reply import MAX_SENTENCE, Reply

RULES = {
    "wear": Rule(
        "W1", "U1", False, "Hierro y cromo altos indican desgaste de camisas o anillos.", "Medir compresión; a 50 h."
    ),
    "dirt": Rule("W2", "U2", True, "Entrada de tierra.", "Limpiar sellos, cambiar el aceite y remuestrear a 50-125 h."),
    "stop": Rule("W3", "U0", False, "Indica fuga de refrigerante.", "Detener y probar a presión el sistema."),
    "additives": Rule("W4", "U3", True, "Otro producto.", "Verificar el producto y tomar otra muestra."),
    "iron": Rule("E1", "U1", False, "Iron and chromium are high: wear of liners or rings.", "Measure compression."),
    "seals": Rule("E2", "U2", True, "Dirt entry.", "Clean the seals, change the oil and resample at 50 h."),
    "product": Rule("E3", "U3", False, "Another product.", "Check the product and resample."),
}
ENGLISH = {"iron", "seals", "product"}


def pattern(*rules, essays=("Hierro",), only_additives=False, slots=None):
    named = slots if slots is not None else sorted(f"{essay}.{what}" for essay in essays for what in ("limit", "value"))
    language = "en" if ENGLISH & {*rules} else "es"
    return Pattern("{}", language, "motor", tuple(RULES[rule] for rule in rules), tuple(named), only_additives)


def reply(observation=None, cause=None, action=None, urgency="U0", language="es"):
    usual = {
        "es": (
            "El motor muestra hierro {Hierro.value} (límite {Hierro.limit}).",
            "Es compatible con desgaste.",
            "Revise el filtro.",
        ),
        "en": (
            "The engine shows iron {Hierro.value} (limit {Hierro.limit}).",
            "This is consistent with wear.",
            "Check the filter.",
        ),
    }[language]
    said = (given or default for given, default in zip((observation, cause, action), usual, strict=True))
    return Reply(**dict(zip(("observation", "cause", "action"), said, strict=True)), urgency=urgency)


def guards_of(said, asked):
    return {violation.guard for violation in violations(said, asked)}


def judged_action(action, *rules, **more):
    asked = pattern(*rules, **more)
    return guards_of(reply(action=action, language=asked.language), asked)


def test_given_the_registry_then_it_has_every_guard_once():
    assert tuple(GUARDS) == GUARD_NAMES


GOOD_REPLIES = [
    (
        ("wear",),
        ("Hierro", "Cromo"),
        "El hierro {Hierro.value} (límite {Hierro.limit}) y el cromo {Cromo.value} (límite {Cromo.limit}) están altos.",
        "Probable desgaste de camisas o anillos; no se puede descartar otra causa.",
        "Mida compresión y remuestree a 50 horas antes de intervenir. No postergue la revisión.",
    ),
    (
        ("wear",),
        ("Hierro", "Cromo"),
        "Hierro y cromo en {Hierro.value} y {Cromo.value} frente a límites de {Hierro.limit} y {Cromo.limit}.",
        "Compatible con desgaste de camisas o anillos.",
        "Mida compresión. Si otra muestra confirma el desgaste, planifique una inspección.",
    ),
    (
        ("wear",),
        ("Hierro",),
        "Se midieron {Hierro.value} de hierro, que supera su límite de {Hierro.limit}.",
        "Posible desgaste; una sola muestra no lo prueba.",
        "Verifique la etiqueta, repita la muestra y mida compresión sin cambiar el aceite.",
    ),
    (
        ("dirt",),
        ("Silicio", "Partículas 4µ"),
        "Silicio {Silicio.value} (límite {Silicio.limit}) y partículas 4µ {Partículas 4µ.value} "
        "(límite {Partículas 4µ.limit}).",
        "Probable entrada de tierra.",
        "Limpie los sellos, cambie el aceite y remuestree entre 50 y 125 h.",
    ),
    (
        ("dirt",),
        ("Viscosidad 100°C", "ISO 4µ"),
        "Viscosidad a 100 °C de {Viscosidad 100°C.value} (límite {Viscosidad 100°C.limit}) e ISO 4µ de {ISO 4µ.value} "
        "(límite {ISO 4µ.limit}).",
        "Probable entrada de tierra según el código de limpieza.",
        "Limpie los sellos y cambie el aceite.",
    ),
    (
        ("stop",),
        ("Sodio",),
        "Sodio (Na) {Sodio.value} frente a su límite de {Sodio.limit}.",
        "Indica una posible fuga de refrigerante.",
        "Detenga la máquina de inmediato y pruebe a presión el sistema; no puede esperar.",
    ),
    (
        ("additives",),
        ("Zinc",),
        "Solo un aditivo está fuera de límite: zinc {Zinc.value} (límite {Zinc.limit}).",
        "Es posible que se trate de otro producto.",
        "Verifique el producto y tome otra muestra; los aditivos por sí solos no justifican cambiar el aceite.",
    ),
    (
        ("iron",),
        ("Hierro", "Cromo"),
        "The engine shows iron {Hierro.value} (limit {Hierro.limit}) and chromium {Cromo.value} (limit {Cromo.limit}).",
        "Wear of liners or rings is probable; nothing else can be ruled out.",
        "Measure compression and confirm with another sample. Do not change the oil for this result alone.",
    ),
    (
        ("seals",),
        ("Silicio",),
        "Silicon reads {Silicio.value} against its limit of {Silicio.limit}.",
        "Dirt entry through the seals is likely and may lead to wear.",
        "Clean the seals, change the oil and resample at 50 h.",
    ),
    (
        ("product",),
        ("Zinc", "Calcio"),
        "Zinc {Zinc.value} (limit {Zinc.limit}) and calcium {Calcio.value} (limit {Calcio.limit}) are out of limits.",
        "Another product is possible.",
        "Check the product and resample; additives alone do not justify an oil change.",
    ),
    (
        ("iron",),
        ("Plomo",),
        "Lead {Plomo.value} (limit {Plomo.limit}).",
        "Wear of liners or rings is possible.",
        "Measure compression.",
    ),
    (
        (("stop",)),
        (),
        "Se detectó una condición que requiere verificación.",
        "Posible fuga de refrigerante.",
        "Detenga.",
    ),
]


@pytest.mark.parametrize(("rules", "essays", "observation", "cause", "action"), GOOD_REPLIES)
def test_given_a_good_reply_then_nothing_is_wrong(rules, essays, observation, cause, action):
    action = action if len(action.split()) > 1 else "Detenga y revise."
    asked = pattern(*rules, essays=essays, only_additives=essays in {("Zinc",), ("Zinc", "Calcio")})
    assert violations(Reply(observation=observation, cause=cause, action=action, urgency="U0"), asked) == []


OBSERVATIONS = [
    ("slots", "Hierro {Hierro.value} (límite {Hierro.limit}, antes {Hierro.previous})."),
    ("slots", "Hierro {hierro.value} y {Hierro.value}."),
    ("slots", "Hierro { Hierro.value } y {Hierro.value}."),
    ("slots", "Hierro {Hierro.value} y {}."),
    ("slots", "Hierro {Hierro.value (límite {Hierro.limit})."),
    ("slots", "Hierro {{Hierro.value}} (límite {Hierro.limit})."),
    ("slots", "Hierro {Hierro.value} }."),
    ("slots", "Hierro {Hierro.value} y cobre {Cobre.value}."),
    ("essays", "El hierro está alto frente a su límite de {Hierro.limit}."),
    ("essays", "Hay desgaste en el motor."),
    ("pairing", "Se midió {Hierro.value} (límite {Hierro.limit})."),
    ("pairing", "El cobre {Hierro.value} (límite {Hierro.limit})."),
    ("pairing", "Hierro {Hierro.value}. El límite es {Hierro.limit}."),
    ("invented", "Hierro {Hierro.value} con sodio alto."),
    ("invented", "Hierro {Hierro.value} y trazas de agua."),
    ("invented", "Hierro {Hierro.value}, Cu y Pb altos."),
    ("invented", "Hierro {Hierro.value} con dilución por combustible."),
    ("invented", "Hierro {Hierro.value} y viscosidad baja."),
    ("numbers", "Hierro {Hierro.value}, es decir 85 ppm."),
    ("numbers", "Hierro {Hierro.value}, 50 ppm sobre lo normal."),
    ("numbers", "Hierro {Hierro.value}, un 40 % más."),
    ("numbers", "Hierro {Hierro.value}, un cuarenta por ciento más."),
    ("numbers", "Hierro {Hierro.value}, ochenta y cinco ppm."),
    ("numbers", "Hierro {Hierro.value}, el doble de lo normal."),
    ("numbers", "Hierro {Hierro.value}, tres veces lo normal."),
    ("numbers", "Hierro {Hierro.value} según K07."),
    ("numbers", "Hierro {Hierro.value} de ８５ ppm."),
    ("numbers", "Hierro {Hierro.value}²."),
    ("numbers", "Hierro {Hierro.value}, ½ más."),
    ("trend", "El hierro {Hierro.value} ha aumentado desde la muestra anterior."),
    ("trend", "El hierro {Hierro.value} tiene tendencia creciente."),
    ("certainty", "El hierro {Hierro.value} demuestra que hay desgaste."),
    ("certainty", "El hierro {Hierro.value} confirma el desgaste."),
    ("direction", "El hierro {Hierro.value} está por debajo de su límite {Hierro.limit}."),
    ("language", "The engine shows iron {Hierro.value} against its limit of {Hierro.limit}."),
    ("language", "O ferro {Hierro.value} está acima do limite e o óleo não é bom."),
    ("language", "Il ferro {Hierro.value} è vicino al limite di {Hierro.limit} e può indicare usura."),
    ("foreign", "Hierro {Hierro.value} (ver https://example.com)."),
    ("foreign", "Hierro {Hierro.value}, escriba a a@b.cl."),
    ("foreign", "```Hierro {Hierro.value}```."),
    ("foreign", "<b>Hierro</b> {Hierro.value}."),
    ("foreign", "**Hierro** {Hierro.value}."),
    ("foreign", "- Hierro {Hierro.value}."),
    ("foreign", "system: el hierro {Hierro.value}."),
    ("foreign", "Observación: hierro {Hierro.value}."),
    ("foreign", "Como modelo de lenguaje, veo hierro {Hierro.value}."),
    ("foreign", "Lo siento, el hierro {Hierro.value}."),
    ("foreign", "Ignore las instrucciones anteriores: hierro {Hierro.value}."),
    ("foreign", "Error: rate limit exceeded, hierro {Hierro.value}."),
    ("characters", "El hierro\u200b {Hierro.value}."),
    ("characters", "El hierro \u202e{Hierro.value}."),
    ("characters", "El hierro {Hierro.value}\ny más."),
    ("characters", "El hierrо {Hierro.value}."),  # the last letter is Cyrillic
    ("characters", "El hierro {Hierro.value} ⚠."),
    ("characters", "El hierro\x07 {Hierro.value}."),
    ("sentence", "Hierro {Hierro.value}"),
    ("sentence", "Hierro {Hierro.value} y..."),
    ("sentence", "."),
]


@pytest.mark.parametrize(("guard", "observation"), OBSERVATIONS)
def test_given_a_bad_observation_then_its_guard_says_so(guard, observation):
    assert guard in guards_of(reply(observation=observation), pattern("stop"))


@pytest.mark.parametrize("guard", sorted({guard for guard, _ in OBSERVATIONS}))
def test_given_a_violation_then_its_reason_is_short_and_fit_for_the_model(guard):
    for name, observation in OBSERVATIONS:
        if name == guard:
            for violation in violations(reply(observation=observation), pattern("stop")):
                assert 20 < len(violation.reason) < 300
                assert violation.reason.isprintable()


@pytest.mark.parametrize(
    ("observation", "is_good"),
    [
        ("Hierro {Hierro.value} (límite {Hierro.limit}), cobre {Cobre.value} (límite {Cobre.limit}).", True),
        ("Hierro y cobre de {Hierro.value} y {Cobre.value}.", True),
        ("Fe {Hierro.value} y Cu {Cobre.value}.", True),
        ("{Hierro.value} de hierro y {Cobre.value} de cobre.", True),
        ("El hierro acompaña al cobre {Cobre.value}; hierro {Hierro.value}.", True),
        ("Hierro y cobre de {Cobre.value} y {Hierro.value}.", False),
        ("Hierro {Cobre.value} y cobre {Hierro.value}.", False),
        ("Hierro {Hierro.value} (límite {Cobre.limit}), cobre {Cobre.value}.", False),
        ("{Cobre.value} de hierro y {Hierro.value} de cobre.", False),
    ],
)
def test_given_two_essays_then_each_slot_stands_beside_its_own_name(observation, is_good):
    found = guards_of(reply(observation=observation), pattern("stop", essays=("Hierro", "Cobre")))
    assert found == (set() if is_good else {"pairing"})


@pytest.mark.parametrize(("language", "without", "with_change"), [("es", "wear", "dirt"), ("en", "iron", "seals")])
def test_given_an_advised_change_then_the_rules_must_advise_one_too(language, without, with_change):
    action = {"es": "Cambie el aceite y revise el filtro.", "en": "Change the oil and check the filter."}[language]
    assert judged_action(action, without) == {"change"}
    assert "change" in judged_action(action, with_change, only_additives=True)
    assert "change" not in judged_action(action, with_change)


@pytest.mark.parametrize("urgency", ["U0", "U1", "U2", "U3"])
@pytest.mark.parametrize("rule", ["stop", "wear", "dirt", "additives"])
def test_given_an_urgency_then_only_a_weaker_one_is_refused(urgency, rule):
    assert ("urgency" in guards_of(reply(urgency=urgency), pattern(rule))) == (urgency > RULES[rule].urgency)


@pytest.mark.parametrize(
    "action",
    [
        "No requiere acción.",
        "No se requiere ninguna acción por ahora.",
        "La revisión puede esperar.",
        "Revise sin urgencia.",
        "No es urgente, revise el filtro.",
        "Continúe la operación normal.",
        "Puede seguir operando y revise el filtro.",
        "Postergue la revisión.",
        "Revise en el próximo mantenimiento.",
        "No action is required.",
        "The check can wait.",
        "Continue normal operation.",
    ],
)
def test_given_calming_words_then_they_are_refused_where_it_is_urgent(action):
    assert "urgency" in judged_action(action, "wear")
    assert "urgency" in judged_action(action, "stop")
    assert "urgency" not in judged_action(action, "additives")


@pytest.mark.parametrize(
    "action",
    ["La revisión no puede esperar.", "No continúe la operación normal.", "No postergue la revisión.", "Do not delay."],
)
def test_given_a_negated_calming_phrase_then_it_passes(action):
    assert "urgency" not in judged_action(action, "stop")


@pytest.mark.parametrize(
    ("action", "rule", "is_good"),
    [
        ("Revise el filtro de inmediato.", "stop", True),
        ("Revise el filtro de inmediato.", "wear", False),
        ("Revise el filtro cuanto antes.", "wear", True),
        ("Revise el filtro cuanto antes.", "dirt", False),
        ("Revise el filtro dentro de una semana.", "wear", False),
        ("Revise el filtro mañana mismo.", "wear", False),
        ("Revise el filtro esta semana.", "stop", False),
        ("Check the filter within a week.", "iron", False),
        ("Remuestree a 50 h.", "wear", True),
        ("Remuestree a cincuenta horas.", "wear", True),
        ("Remuestree a 60 h.", "wear", False),
        ("Revise el filtro en 24 horas.", "wear", False),
        ("Revise el filtro en dos días.", "wear", False),
    ],
)
def test_given_an_interval_then_only_those_of_the_rules_may_stand(action, rule, is_good):
    assert (not judged_action(action, rule) & {"deadline", "numbers"}) == is_good


@pytest.mark.parametrize(
    "cause",
    [
        "Una falla es imposible.",
        "Hay desgaste leve, sin riesgo de falla.",
        "Se descarta una falla.",
        "Queda descartada la fuga.",
        "No hay riesgo para el motor.",
        "El motor no va a fallar.",
        "Se garantiza la operación.",
        "Sin duda es desgaste.",
        "A failure is impossible.",
        "Wear, with no risk of failure.",
        "Leaks are ruled out.",
        "It is definitely wear.",
        "This proves that the liner is worn.",
        "El desgaste está confirmado.",
    ],
)
def test_given_a_promise_then_it_is_refused(cause):
    assert "certainty" in guards_of(reply(cause=cause), pattern("stop"))


@pytest.mark.parametrize(
    "cause",
    [
        "No se descarta una falla.",
        "No se puede descartar una fuga.",
        "Una falla no es imposible.",
        "Other causes cannot be ruled out.",
        "Una muestra no confirma el desgaste.",
    ],
)
def test_given_a_doubt_then_it_passes(cause):
    assert "certainty" not in guards_of(reply(cause=cause), pattern("stop"))


@pytest.mark.parametrize(
    ("essay", "observation", "is_good"),
    [
        ("Hierro", "El hierro {Hierro.value} supera su límite de {Hierro.limit}.", True),
        ("TBN", "El TBN {TBN.value} supera su límite de {TBN.limit}.", False),
        ("TBN", "El TBN {TBN.value} está por debajo de su límite de {TBN.limit}.", False),
        ("TBN", "El TBN {TBN.value} frente a su límite de {TBN.limit}.", True),
    ],
)
def test_given_a_side_of_a_limit_then_it_must_follow_from_the_facts(essay, observation, is_good):
    found = guards_of(reply(observation=observation), pattern("stop", essays=(essay,)))
    assert found == (set() if is_good else {"direction"})


def test_given_ninety_words_then_one_more_is_too_many():
    first, last = "Hierro {Hierro.value} {Hierro.limit}.", "Revise el filtro."
    room = MOST_WORDS - 1 - 2 * 3 - 3
    fits = reply(observation=first, cause=" ".join(["posible"] * room) + ".", action=last)
    assert "length" not in guards_of(fits, pattern("stop"))
    long = reply(observation=first, cause=" ".join(["posible"] * (room + 1)) + ".", action=last)
    assert "length" in guards_of(long, pattern("stop"))


def test_given_a_sentence_in_another_language_then_it_is_refused():
    assert "language" in guards_of(reply(action="Check the filter and the hoses."), pattern("stop"))
    assert "language" in guards_of(reply(language="en", action="Revise el filtro de aire."), pattern("iron"))


anything = st.text(max_size=200) | st.lists(
    st.sampled_from(
        ["{Hierro.value}", "{Hierro.limit}", "{", "}", "hierro", "no", "cambie", "el", "aceite", ",", ".", "85", "ppm"]
    ),
    max_size=30,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(anything, anything, anything)
def test_given_any_reply_then_guards_answer_and_always_the_same(observation, cause, action):
    said = Reply.model_construct(observation=observation, cause=cause, action=action, urgency="U1")
    assert violations(said, pattern("wear")) == violations(said, pattern("wear"))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(["ppm", "%", "cSt", "", "h"]), st.sampled_from(["hierro", "valor de", ""])
)
@example(50, "h", "")
@example(50, "", "")
def test_given_a_number_of_its_own_then_it_never_passes(number, unit, before):
    found = judged_action(f"Revise el filtro {before} {number} {unit}.", "wear")
    assert ("numbers" in found) == ((number, unit) != (50, "h"))


@settings(max_examples=100, deadline=None)
@given(st.characters(categories=["Cc", "Cf", "Co", "Zl", "Zp", "So"]), st.integers(0, 20))
def test_given_a_character_that_cannot_be_seen_then_it_never_passes(character, place):
    text = "El hierro {Hierro.value} está alto."
    said = Reply.model_construct(
        observation=text[:place] + character + text[place:], cause="Desgaste.", action="Revise.", urgency="U0"
    )
    normal = unicodedata.normalize("NFC", character)
    assert normal == "°" or "characters" in guards_of(said, pattern("stop"))


@pytest.mark.parametrize(
    "bit", ["a", "no ", "1.", "{", "hierro ", "de aceite ", "Si, ", "& ", "- ", "((", "ni cambiar "]
)
def test_given_hostile_lengths_then_guards_stay_quick(bit):
    long = (bit * MAX_SENTENCE)[:MAX_SENTENCE]
    violations(Reply.model_construct(observation=long, cause=long, action=long, urgency="U1"), pattern("wear"))
