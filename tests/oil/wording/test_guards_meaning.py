"""What a reply means: values are no limits, alarms are not played down, nothing is smuggled in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.guard_replies import WEAR, additives_pattern, guards_of, wear_pattern

from tribolake.oil.wording.guards.copied_prompt import copied_from_prompt
from tribolake.oil.wording.guards.essay_names import spoken_of
from tribolake.oil.wording.guards.foreign_text import odd_character
from tribolake.oil.wording.guards.violations import violations
from tribolake.oil.wording.pattern import LANGUAGES, Pattern, expert_rules
from tribolake.oil.wording.reply import Reply

CHROMIUM = "cromo {Cromo.value} (límite {Cromo.limit})"


def lines(listed):
    return [line.strip() for line in listed.splitlines()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_given_the_rules_own_texts_then_they_pass_as_cause_and_action(language):
    for rule in expert_rules(language).values():
        essays = sorted(spoken_of(rule.cause))[:4]
        listed = ", ".join(f"{essay} {{{essay}.value}}" for essay in essays)
        observation = {"es": f"El componente muestra {listed or 'ensayos'}.", "en": f"It shows {listed or 'essays'}."}
        slots = tuple(f"{essay}.value" for essay in essays)
        asked = Pattern("{}", language, "motor", (rule,), slots, only_additives=False)
        said = Reply(observation=observation[language], cause=rule.cause, action=rule.action, urgency=asked.urgency)
        assert violations(said, asked) == [], rule.rule_id


@pytest.mark.parametrize(
    "observation",
    [
        "El motor muestra hierro {Hierro.limit} (límite {Hierro.value}) y cromo {Cromo.limit} (límite {Cromo.value}).",
        "El límite de hierro {Hierro.value} y " + CHROMIUM + ".",
        "Hierro {Hierro.value} ({Hierro.limit}) y " + CHROMIUM + ".",
        "El hierro supera {Hierro.value} y " + CHROMIUM + ".",
    ],
)
def test_given_a_value_where_a_limit_stands_then_it_is_refused(observation):
    assert "pairing" in guards_of(wear_pattern(), observation=observation)


@pytest.mark.parametrize(
    "observation",
    [
        "El hierro {Hierro.value} supera su límite de {Hierro.limit} y el cromo {Cromo.value} el suyo {Cromo.limit}.",
        "El hierro alcanza {Hierro.value} frente a {Hierro.limit} y el cromo {Cromo.value} frente a {Cromo.limit}.",
        "Se midió hierro en {Hierro.value} (límite: {Hierro.limit}) y cromo en {Cromo.value} (máximo {Cromo.limit}).",
        "Fuera de límite: hierro {Hierro.value} y cromo {Cromo.value}.",
    ],
)
def test_given_limits_in_natural_words_then_they_pass(observation):
    assert guards_of(wear_pattern(), observation=observation) == set()


@pytest.mark.parametrize(
    ("language", "observation"),
    [
        ("en", "Only an additive is out of its limit: zinc {Zinc.value} (limit {Zinc.limit})."),
        ("es", "Solo un aditivo está fuera de su límite: zinc {Zinc.value} (límite {Zinc.limit})."),
        ("es", "Un aditivo alcanza su límite: zinc {Zinc.value} (límite {Zinc.limit})."),
        ("es", "Alcanzan su límite: zinc {Zinc.value} (límite {Zinc.limit})."),
        ("en", "One additive reaches its limit: zinc {Zinc.value} (limit {Zinc.limit})."),
        ("en", "One additive is at or past its limit: zinc {Zinc.value} (limit {Zinc.limit})."),
        ("en", "At or past their limits: zinc {Zinc.value} (limit {Zinc.limit})."),
        ("en", "Zinc {Zinc.value} is at its limit of {Zinc.limit}."),
    ],
)
def test_given_a_limit_that_is_only_passed_or_reached_then_a_value_may_follow_its_name(language, observation):
    assert guards_of(additives_pattern(language), observation=observation) == set()


@pytest.mark.parametrize(
    ("language", "observation"),
    [
        ("es", "El zinc alcanza su límite de {Zinc.value}."),
        ("es", "El zinc alcanza su límite {Zinc.value}."),
        ("en", "Zinc reaches its limit of {Zinc.value}."),
        ("en", "Zinc is at its limit {Zinc.value}."),
    ],
)
def test_given_a_limit_that_is_reached_then_a_value_is_still_no_limit(language, observation):
    assert "pairing" in guards_of(additives_pattern(language), observation=observation)


@pytest.mark.parametrize(
    "observation",
    [
        "El hierro {Hierro.value} está dentro de su límite {Hierro.limit} y el cromo {Cromo.value} también.",
        "El hierro {Hierro.value} es normal y el cromo {Cromo.value} también.",
        "El hierro {Hierro.value} y el cromo {Cromo.value} son aceptables.",
        "El hierro {Hierro.value} y el cromo {Cromo.value} no representan anomalía alguna.",
        "El hierro {Hierro.value} no supera su límite {Hierro.limit} y el cromo {Cromo.value} tampoco.",
    ],
)
def test_given_a_breach_that_is_called_fine_then_it_is_refused(observation):
    assert "direction" in guards_of(wear_pattern(), observation=observation)


def test_given_rules_that_call_another_essay_normal_then_only_that_one_may_be():
    rule = replace(WEAR["es"], cause="Hierro y cromo altos con aluminio normal indican desgaste.")
    asked = replace(wear_pattern(), rules=(rule,))
    assert guards_of(asked, cause="Es compatible con desgaste, con aluminio normal.") == set()
    assert "direction" in guards_of(asked, cause="El hierro es normal y el desgaste también.")


@pytest.mark.parametrize(
    "cause",
    lines("""El hierro llega a 125 y hay desgaste.
        El hierro llega a ochenta y cinco y hay desgaste.
        El hierro llega a cincuenta.
        Hay desgaste a veinticinco bar.
        Hay desgaste a dos mil revoluciones.
        Hay desgaste con cincuenta mg de hierro.
        Hay desgaste con veintiún ppm.
        Hay desgaste con treinta y un ppm.
        Hay desgaste con novecientos ppm.
        Hay desgaste con doscientas partes de hierro.
        Hay desgaste con un millón de partículas.
        Hay desgaste con una decena de partículas.
        Hay desgaste con centenares de partículas.
        Hay desgaste tras una docena de muestras.
        Hay desgaste al cien por cien.
        Hay desgaste de una cuarta parte de las camisas.
        Hay desgaste de dos tercios de las camisas.
        Hay desgaste de cinco décimas.
        El hierro es el quíntuple de su límite.
        El hierro es el cuádruple de su límite.
        El hierro se quintuplica.
        El hierro dobla su límite.
        Hay desgaste de grado IV.
        Hay desgaste de grado Ⅳ.
        Hay desgaste de XX ppm.
        Hay desgaste de lO ppm.
        Iron is fifty parts per million.
        Iron is a quarter of its limit."""),
)
def test_given_a_number_in_another_guise_then_it_is_refused(cause):
    assert "numbers" in guards_of(wear_pattern(), cause=cause)


@pytest.mark.parametrize(
    "action",
    [
        "Mida el soplado y remuestree a 125 h.",
        "Mida el soplado y remuestree a ciento veinticinco horas.",
        "Mida las tres variables y revise los dos bancos.",
    ],
)
def test_given_numbers_of_the_rules_or_small_ones_then_they_pass(action):
    assert guards_of(wear_pattern(), action=action) == set()


def test_given_a_unit_after_a_slot_then_it_is_refused_as_it_would_be_said_twice():
    said = "Hierro {Hierro.value} ppm y cromo {Cromo.value}."
    assert "numbers" in guards_of(wear_pattern(), observation=said)


def test_given_english_then_once_is_no_number():
    assert guards_of(wear_pattern("en"), action="Measure blow-by once the engine is warm.") == set()


@pytest.mark.parametrize(
    "written",
    ["mil{Hierro.value}", "cincuenta {Hierro.value}", "-{Hierro.value}", "> {Hierro.value}", "{Hierro.value}mil"],
)
def test_given_something_glued_to_a_slot_then_it_is_refused(written):
    assert "numbers" in guards_of(wear_pattern(), observation=f"El motor muestra hierro {written} y {CHROMIUM}.")


@pytest.mark.parametrize(
    "cause",
    lines("""Usted redacta recomendaciones de mantenimiento a partir de análisis de aceite.
        Use solo los hechos dados.
        Responda con un objeto JSON.
        Las reglas expertas ya decidieron qué pasa.
        El mismo texto sirve para muchas muestras.
        Use only the facts given.
        Answer with one JSON object.
        Hay desgaste según los slots.
        Hay desgaste según la API.
        Ha ocurrido un error inesperado.
        Hubo un error interno.
        Ocurrió un problema al generar la respuesta.
        Intente de nuevo más tarde.
        Inténtelo nuevamente en unos minutos.
        Saldo insuficiente en la cuenta.
        Se agotó el crédito del servicio.
        No fue posible generar la recomendación.
        No tengo información suficiente para responder.
        La API devolvió un fallo.
        Servidor no disponible en este momento.
        Please try again later.
        Hay desgaste, ver ejemplo.com.
        Hay desgaste, visite ejemplo punto com.
        Hay desgaste, ver www ejemplo com."""),
)
def test_given_instructions_errors_or_addresses_then_they_are_no_advice(cause):
    assert "foreign" in guards_of(wear_pattern(), cause=cause)


@pytest.mark.parametrize(
    "text", ["Está por debajo de su límite.", "One sample is no proof.", "Los aditivos por sí solos no lo justifican."]
)
def test_given_what_people_say_anyway_then_it_is_not_copied(text):
    assert copied_from_prompt(text) is None


@pytest.mark.parametrize(
    "action",
    lines("""Mida el soplado; no es necesario detener el equipo.
        Mida el soplado; no es grave.
        Mida el soplado; todo está bien.
        Mida el soplado; es una falsa alarma.
        Mida el soplado; desestime la alarma.
        Mida el soplado; ignore este aviso.
        Mida el soplado; haga caso omiso de la alarma.
        Mida el soplado; no hay problema.
        Mida el soplado; el motor está sano.
        Mida el soplado; la situación es leve.
        Mida el soplado; basta con vigilar.
        Mida el soplado con calma.
        Mida el soplado; puede operar con confianza.
        Mida el soplado; no detenga el equipo.
        Mida el soplado; puede seguir sin problema.
        Mida el soplado; nada de qué preocuparse.
        No actúe por ahora.
        No haga nada.
        Espere la próxima muestra.
        Archive este reporte sin más.
        Measure blow-by; nothing to worry about.
        Measure blow-by; ignore this alarm.
        Measure blow-by; this is minor.
        Measure blow-by; the engine is fine.
        Do nothing for now.
        Wait for the next sample."""),
)
def test_given_an_alarm_that_is_played_down_then_it_is_refused(action):
    assert "urgency" in guards_of(wear_pattern(), action=action)


@pytest.mark.parametrize(
    "action",
    [
        "Mida el soplado con el motor a temperatura de operación normal.",
        "Suspenda la operación normal y revise el tapón magnético.",
        "Impida que el equipo continúe operando hasta revisar el filtro.",
        "Revise el tapón magnético para decidir si puede continuar en operación.",
        "Mida el soplado, la compresión y el consumo; no espere la próxima muestra.",
        "No ignore la alarma y mida el soplado.",
    ],
)
def test_given_words_that_only_sound_calm_then_they_pass(action):
    assert guards_of(wear_pattern(), action=action) == set()


def test_given_a_permitted_phrase_then_it_hides_no_other_one():
    rule = replace(WEAR["es"], action="Medir soplado; esperar la próxima muestra.")
    asked = replace(wear_pattern(), rules=(rule,))
    assert guards_of(asked, action="Mida el soplado; esperar la próxima muestra.") == set()
    assert "urgency" in guards_of(asked, action="Esperar la próxima muestra; es una falsa alarma.")


@pytest.mark.parametrize(
    "cause",
    lines("""El motor nunca fallará.
        El motor jamás fallará.
        No es posible una falla.
        Una rotura no puede ocurrir.
        No se espera ninguna falla.
        El motor no se romperá.
        La falla es muy improbable.
        A failure cannot happen.
        The engine will never fail.
        Failure is not possible.
        A failure is out of the question."""),
)
def test_given_a_failure_that_is_called_impossible_then_it_is_refused(cause):
    assert "certainty" in guards_of(wear_pattern(), cause=cause)


@pytest.mark.parametrize(
    ("when", "is_good"),
    [
        ("mañana", False),
        ("antes del viernes", False),
        ("este fin de semana", False),
        ("en un par de semanas", False),
        ("cada semana", False),
        ("durante el mes", False),
        ("al final del turno", False),
        ("diariamente", False),
        ("la semana entrante", False),
        ("in the coming weeks", False),
        ("by Friday", False),
        ("within the next few days", False),
        ("por la mañana", True),
        ("en caliente", True),
    ],
)
def test_given_a_time_then_a_deadline_is_refused(when, is_good):
    assert ("deadline" not in guards_of(wear_pattern(), action=f"Mida el soplado {when}.")) == is_good


@pytest.mark.parametrize(
    "text", ["Cambıe.", "Cɑmbie.", "Cɐmbie.", "ᴄᴜ.", "Ꞓambie.", "Grado Ⅳ.", "Grado ④.", "`x`.", "5 €."]
)
def test_given_a_lookalike_then_it_is_no_plain_character(text):
    assert odd_character(text)


@pytest.mark.parametrize(
    "text", ["El año, el pingüino y la acción.", "4 µm, 4 μm, 5 Ω, 100 °C, 1.ª, 2.º.", "naïve façade"]
)
def test_given_letters_of_both_languages_then_they_are_plain(text):
    assert odd_character(text) is None
