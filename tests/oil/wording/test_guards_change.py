"""No reply changes oil or components where the rules do not: neither in known words nor in unknown ones."""

from __future__ import annotations

import pytest
from tests.support.guard_replies import additives_pattern, guards_of, wear_pattern

from tribolake.oil.wording.guards.change_advice import change_advised
from tribolake.oil.wording.guards.harmless_advice import unknown_advice

CHANGES = {
    "es": """El lubricante se debe cambiar.
        El aceite se debería cambiar.
        El motor se debe reemplazar.
        El aceite conviene renovar.
        Ese aceite se tiene que cambiar.
        Quite el aceite.
        Extraiga el aceite.
        Reponga el aceite.
        Elimine el aceite contaminado.
        Saque el aceite del cárter.
        Evacúe el aceite del cárter y rellene.
        Purgue el aceite del motor.
        Bote el aceite.
        Descargue el aceite.
        Repare el motor.
        Reparar los cojinetes.
        Desarme el motor.
        Intercambie el motor.
        Permute el componente.
        Rectifique el motor.
        Ponga aceite nuevo.
        Solicite un motor nuevo.
        Instale camisas, anillos y pistones nuevos.
        Cargue aceite fresco.
        Mida el soplado y cargue uno nuevo.
        Rellene con producto nuevo.
        Drene y rellene.
        No opere el motor sin cambiar el aceite.
        Evite operar sin cambiar el aceite.
        Nunca opere sin cambiar antes el aceite.
        Mida el soplado, no sin antes cambiar el aceite.
        Sin cambiar el aceite no se corrige la causa.
        No cambie el filtro, sino el aceite.
        Cambie (de ser posible y tras medir con cuidado el soplado y la compresión) el aceite.
        Mida el soplado (y cambie el aceite).
        Cambie, tras medir bien el soplado y la compresión del motor, todo el lubricante.
        Mida el soplado y haga el recambio.
        Lleve a cabo el reemplazo.
        Observe cambios y reemplace el motor.
        Vigile y haga cambio de aceite.
        Quítelo y use otro.""",
    "en": """The oil needs changing.
        The oil has to be changed.
        The engine needs replacing.
        Drop the oil.
        Pump out the oil.
        Purge the oil.
        Evacuate the oil.
        Scrap the oil.
        Empty the sump and refill.
        Recondition the engine.
        Repair the engine.
        Renew the charge.
        Fill with new oil.
        Install new bearings.
        Install a new engine.
        Switch to new oil.
        Use new oil.
        Top up with fresh oil.
        Drain and refill.
        Do not operate without changing the oil.
        Do not change the filter but the oil.""",
}
UNKNOWN = {
    "es": """Trasiegue el aceite.
        Mida el soplado y trasiegue el aceite.
        Primero trasiegue el aceite.
        Mida el soplado: trasiegue el aceite.
        Mida el soplado y deje salir el aceite.
        Se recomienda trasegar el aceite.
        Con urgencia, trasiegue el aceite.
        Dé de baja el aceite.
        Envíe el motor a reparación mayor.
        Haga un servicio de aceite.
        Realice el mantenimiento mayor del motor.
        Tome el aceite y llévelo fuera.
        No use más este aceite.
        No siga usando este aceite.
        El aceite debe salir de la máquina.
        Ca mbie el aceite.
        Cambie el a-ceite.
        Motor a taller.""",
    "en": """Get rid of this oil.
        The oil must go.
        Take the engine out of the machine.
        Perform an oil service.
        Reline the engine.
        Measure blow-by, then let the oil out.
        Give the engine another charge of oil.
        Do not reuse this oil.""",
}
HARMLESS = {
    "es": """Vigile cualquier cambio de comportamiento del motor.
        Observe si hay cambios de presión en el sistema.
        Registre cualquier cambio en el ruido del motor.
        Verifique en el historial los cambios de aceite.
        Revise reparaciones y reemplazos recientes del enfriador.
        Revise cambios recientes de componentes o enfriadores.
        Ningún cambio de aceite está justificado.
        Antes de cualquier intervención del motor, repita la muestra.
        Se recomienda medir el soplado y la compresión del motor.
        Mida las tres variables: soplado, compresión y consumo de aceite.
        No es necesario cambiar el aceite ni intervenir el motor.
        Ni el aceite ni el componente deben cambiarse por este resultado.
        Si se confirma el desgaste, planifique la inspección del motor.
        Haga seguimiento del consumo de aceite.
        Tome una nueva muestra de aceite y compare los resultados.
        Corte el filtro de aceite y examine las partículas retenidas.
        No opere el motor con carga hasta medir el soplado.
        Retire el filtro y examine sus partículas.
        Cambie el filtro de aceite.
        Verifique que el aceite nuevo corresponda al declarado.""",
    "en": """Watch for changes in engine noise.
        Monitor for a change in oil consumption.
        Check for any changes in engine performance.
        If wear is confirmed, plan an engine inspection.
        Before any engine work, confirm with another sample.
        Take a new oil sample and compare the results.
        Prioritise measuring blow-by, then compression and oil consumption.
        Use a borescope to inspect the liners.
        Do not operate the engine under load until the blow-by is measured.
        Measure blow-by; do not change the oil on this result alone.
        Cut open the oil filter and examine the debris.""",
}


def cases(listed):
    return [(language, line.strip()) for language, lines in listed.items() for line in lines.splitlines()]


@pytest.mark.parametrize(("language", "action"), cases(CHANGES))
def test_given_advice_to_change_in_other_words_then_it_is_found_and_refused(language, action):
    assert change_advised(action)
    assert "change" in guards_of(wear_pattern(language), action=action)
    assert "change" in guards_of(additives_pattern(language), action=action)


@pytest.mark.parametrize(("language", "action"), cases(UNKNOWN))
def test_given_a_verb_that_is_not_known_to_be_harmless_then_it_is_refused(language, action):
    assert unknown_advice(action, "")
    assert "change" in guards_of(wear_pattern(language), action=action)


@pytest.mark.parametrize(("language", "action"), cases(HARMLESS))
def test_given_advice_that_only_looks_then_it_passes(language, action):
    assert change_advised(action) is None
    assert unknown_advice(action, "") is None
    assert guards_of(wear_pattern(language), action=action) == set()


def test_given_a_verb_of_the_rules_then_it_may_be_said_again():
    assert unknown_advice("Calibre el motor.", "Limpiar el radiador.")
    assert unknown_advice("Limpie el motor.", "Limpiar el radiador; medir.") is None
    assert unknown_advice("Clean the radiator.", "Measure; clean the circuit if confirmed.") is None
