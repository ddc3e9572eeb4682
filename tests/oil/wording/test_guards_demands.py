"""Where no change is allowed, no sentence brings one about: neither an action nor what is seen, nor why."""

from __future__ import annotations

import pytest
from tests.support.guard_replies import ADDITIVE_SLOTS, GOOD, guards_of

from tribolake.oil.wording.guards.change_advice import change_advised
from tribolake.oil.wording.guards.demanded_changes import change_demanded
from tribolake.oil.wording.guards.harmless_advice import unknown_advice
from tribolake.oil.wording.pattern import Language, Pattern, expert_rules

ACTIONS: dict[Language, str] = {
    "en": """Confirm the product and get rid of the old oil.
        Confirm the product and throw away the oil.
        Confirm the product and dispose of the oil.
        Confirm the product and switch to another oil.
        Confirm the product and move to new oil.
        Confirm the product and pull out the engine.
        Confirm the product and start over with fresh oil.
        Confirm the product and service the engine.
        Confirm the product and vent the oil.
        Confirm the product and vent oil.
        Confirm the product and find fresh oil.
        Confirm the product and start fresh.
        Confirm the product and take it out.
        Confirm the product and return the oil to the supplier.
        Confirm the product and stop using the oil.
        Confirm the product to get rid of the oil.
        Confirm the product, then refill.
        Confirm the product. Then refill.
        Verify the label. Get rid of it.""",
    "es": """Confirme el producto y deshágase del aceite.
        Confirme el producto y tire afuera el aceite.
        Confirme el producto y prescinda del aceite actual.
        Confirme el producto y dé de baja el motor.
        Confirme el producto y mande fuera el aceite.
        Confirme el producto y llévelo a desecho.
        Confirme el producto y deje de usar el aceite.
        Confirme el producto para deshacerse del aceite.
        Confirme el producto, luego deje ir el aceite usado.
        Confirme el producto; el aceite ya no sirve.
        Confirme el producto. Deshágase de él.""",
}
DEMANDS: dict[Language, str] = {
    "en": """The oil is probably spent, so get rid of it.
        Probably another product; one must dispose of the oil.
        Fresh oil is probably called for.
        The oil must go.
        It is time for fresh oil.
        The oil is due.
        Throw the oil out.
        It is another oil, so bin it.
        The engine has to come out.
        Best to start over with new oil.
        You had better use another oil.
        This oil cannot stay in the engine.""",
    "es": """El aceite está agotado; conviene deshacerse de él.
        Probablemente corresponda cargar otro aceite en lugar del actual.
        Es otro producto. Tire el aceite.
        El aceite está agotado y hay que sacarlo.
        El aceite ya cumplió su vida útil y debe salir.
        Lo mejor es empezar con aceite fresco.
        Es hora de un aceite nuevo.
        El aceite es otro, así que tírelo.
        Procede el retiro del aceite.
        El aceite no debe permanecer en el motor.""",
}
ADVICE = """Verifique el producto declarado, la etiqueta y el nivel de aceite, y tome una contramuestra.
    Inspeccione los sellos duo-cone, el respiradero y el enfriador y repita la muestra de aceite.
    Revise el tapón magnético, el filtro y el varillaje del turbo; confirme con una contramuestra.
    Confirme el grado del aceite con un refractómetro o test de parche y compare con otras unidades.
    Solicite al laboratorio repetir el ensayo y revise el historial de rellenos de aceite.
    Verifique si hubo relleno con otro producto y, de ser así, regístrelo.
    Tome otra muestra de aceite en caliente, rotúlela bien y envíela al laboratorio.
    Pruebe a presión el enfriador, revise la culata y las camisas, y controle el consumo de refrigerante.
    Si el hierro y el cromo persisten o aumentan, inspeccione el motor con boroscopio.
    Confirme la lectura con una nueva muestra antes de intervenir el motor o cambiar el aceite.
    Revise el aceite, su nivel, su olor y su color, y compare con la muestra anterior.
    Verifique el estanque de aceite, el dispensador y los rótulos para descartar contaminación cruzada.
    Revise la admisión, mangueras, abrazaderas y el filtro de aire del motor.
    Evalúe la ventilación del cárter, el estado de los anillos y el consumo de aceite.
    Siga monitoreando el motor y repita el análisis.
    Inspect duo-cone seals, breather and cooler; check whether the oil level rose.
    Check the air intake, hoses, clamps and the air filter of the engine.
    Pressure-test the cooler, check liners and cylinder head, and track coolant use.
    Take another oil sample while hot, label it properly and send it to the laboratory.
    Ask the operator whether the oil was topped up with another product, and record it.
    Check seals, breathers and where water can enter the oil.
    Check the storage tank, dispensing equipment and labels to rule out cross-contamination of the oil.
    Examine the magnetic plug and, where there is one, the filter; ask for ferrography of the oil.
    Make sure the sample was taken from the right compartment and compare its oil with the declared product.
    Keep monitoring the engine and follow the iron trend.
    Find out whether another oil was loaded, and look for new oil leaks.
    Do not open the component; confirm first with another oil sample."""
STATEMENTS = """El patrón se debe probablemente a otro aceite o a un relleno reciente.
    Puede deberse a lixiviación del enfriador de aceite.
    Debe de ser un producto distinto del declarado; una muestra no lo prueba.
    El aceite debe haber sido rellenado con otro producto.
    Es probable que el aceite no corresponda al producto declarado.
    Los aditivos por sí solos no justifican cambiar el aceite ni el componente.
    El desgaste de cojinetes puede agravarse, por lo que conviene verificar la presión de aceite.
    Se recomienda verificar el aceite declarado.
    El motor requiere una inspección para ubicar el origen.
    Por lo tanto el aceite no indica daño del componente.
    La combustión deficiente genera hollín, así que el aceite se espesa.
    Degradación del aceite y mezcla de productos.
    El polvo entra por los sellos del motor, por lo que genera desgaste.
    El refrigerante entra al aceite, volviéndolo más viscoso y haciéndolo corrosivo.
    It is probably due to another oil or a recent top-up.
    The oil must have been topped up with another product.
    It must be another product than the declared one.
    Another product than the declared one is possible, so the additives of the oil differ.
    This requires verification of the declared product.
    The oil needs to be checked against the declared product.
    It has to do with the additive package of the oil.
    This could be a swapped sample, or the oil has another additive package.
    The oil does not need to be changed for this result.
    So far only the additives of the oil differ.
    Another oil is in use, so there is no sign of damage.
    Soot thickens the oil and accelerates wear, therefore iron rises."""


def cases(listed):
    return [(language, line.strip()) for language, text in listed.items() for line in text.splitlines()]


def lines(listed):
    return [line.strip() for line in listed.splitlines()]


def only_additives(language):
    """The pattern of the rule that additives alone justify no change."""
    return Pattern("{}", language, "motor", (expert_rules(language)["G01"],), ADDITIVE_SLOTS, only_additives=True)


@pytest.mark.parametrize(("language", "action"), cases(ACTIONS))
def test_given_additives_alone_then_no_action_removes_oil_or_component(language, action):
    assert "change" in guards_of(only_additives(language), action=action)


@pytest.mark.parametrize(("language", "demand"), cases(DEMANDS))
def test_given_additives_alone_then_nothing_that_is_seen_or_meant_demands_a_change(language, demand):
    seen = GOOD[language, True]["observation"]
    assert "change" in guards_of(only_additives(language), cause=demand)
    assert "change" in guards_of(only_additives(language), observation=f"{seen} {demand}")


@pytest.mark.parametrize("action", lines(ADVICE))
def test_given_advice_as_engineers_word_it_then_it_changes_nothing(action):
    assert (unknown_advice(action, ""), change_advised(action)) == (None, None)


@pytest.mark.parametrize("cause", lines(STATEMENTS))
def test_given_a_statement_about_oil_or_a_component_then_it_demands_no_change(cause):
    assert (change_demanded(cause), change_advised(cause)) == (None, None)


def test_given_a_demand_of_the_rules_then_it_may_be_said_again_and_no_other_one():
    rule = "La reserva alcalina está agotada: el aceite debe salir."
    assert change_demanded("El aceite debe salir.", rule) is None
    assert change_demanded("El aceite debe salir y hay que tirarlo.", rule)


@pytest.mark.parametrize("language", ["es", "en"])
def test_given_the_rules_own_causes_then_none_demands_a_change_that_its_action_does_not_make(language):
    for rule in expert_rules(language).values():
        assert rule.advises_change or change_demanded(rule.cause) is None, rule.rule_id
