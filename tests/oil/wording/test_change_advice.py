"""Which words advise to change oil or a component, and which only speak of a change."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tribolake.oil.wording.guards.change_advice import change_advised
from tribolake.oil.wording.pattern import LANGUAGES, expert_rules

CHANGES = {
    "es": [
        "Cambie el aceite.",
        "Se recomienda cambiar el aceite y el filtro.",
        "Programe el cambio de aceite.",
        "Se recomienda el cambio.",
        "Reemplace el componente.",
        "Reemplácelo y avise.",
        "Drene el aceite y lave el sistema.",
        "Sustituya los cojinetes.",
        "Es necesaria la sustitución del lubricante.",
        "Renueve la carga de aceite.",
        "Planifique el recambio del motor.",
        "Realice un overhaul del motor.",
        "El aceite debe cambiarse.",
        "El aceite debe ser reemplazado.",
        "No espere y cambie el aceite.",
        "No dude en cambiar el aceite.",
        "No olvide cambiar el aceite.",
        "No deje de drenar el aceite.",
        "No hay razón para no cambiar el aceite.",
        "No solo cambie el aceite, sino también el filtro.",
        "No cambie el filtro, cambie el aceite.",
        "No cambie el aceite, drene el componente.",
        "Cambie filtro y aceite.",
        "Si se confirma, reemplace la bomba.",
        "Después del cambio de aceite, remuestree.",
        "Vacíe el cárter.",
        "CAMBIE EL ACEITE.",
        "Cámbie el acéite.",
        "No postergue el cambio de aceite.",
    ],
    "en": [
        "Change the oil.",
        "An oil change is recommended.",
        "Replace the component.",
        "The oil should be changed.",
        "Drain and flush the system.",
        "Do not wait; replace the pump.",
        "Don't delay and change the oil.",
        "Overhaul the engine.",
        "Plan a component change-out.",
        "Plan an engine replacement.",
        "Swap the bearing.",
        "The engine must be replaced.",
        "Replace oil and filters.",
        "Schedule the oil replacement.",
    ],
}
NO_CHANGES = {
    "es": [
        "No se requiere cambiar el aceite.",
        "No cambie el aceite.",
        "Sin cambiar el aceite, tome otra muestra.",
        "Sin cambiar, drenar o reemplazar el aceite, tome otra muestra.",
        "No se requiere cambiar el aceite ni el componente.",
        "No se justifica el cambio de aceite ni del componente.",
        "Los aditivos por sí solos no justifican un cambio de aceite o de componente.",
        "El cambio de aceite no es necesario.",
        "Cambiar el aceite no está justificado.",
        "No es necesario, por ahora, cambiar el aceite.",
        "Evite cambiar el aceite.",
        "No basta con cambiar el aceite.",
        "No hay motivo para cambiar el aceite.",
        "Remuestree antes de cambiar el aceite.",
        "Remuestree antes de cualquier cambio de aceite.",
        "Revise el intervalo de cambio de aceite.",
        "Considere un posible cambio de aceite no declarado.",
        "Confirme si hubo un cambio de aceite.",
        "Confirme si el aceite fue cambiado.",
        "Consulte la fecha del último cambio de aceite.",
        "Pregunte si se cambió el aceite.",
        "Cambie el filtro de aire.",
        "Reemplace el filtro de aceite.",
        "Sustituya los sellos y respiraderos.",
        "Inspeccione la caja de cambios.",
        "Mida el caudal de drenaje de la bomba.",
        "Vigile cambios en la temperatura del motor.",
        "El motor, en cambio, conserva su presión.",
        "Revise el tapón de drenaje magnético.",
        "Tome la muestra en el próximo cambio de aceite.",
        "No drene ni cambie el aceite.",
        "No requiere cambio de aceite, drenaje ni reemplazo.",
        "Nunca cambie el aceite solo por los aditivos.",
    ],
    "en": [
        "No oil change is needed.",
        "Do not change the oil.",
        "An oil change is not required.",
        "An oil change is unnecessary.",
        "Additives alone do not justify an oil or component change.",
        "Resample before changing the oil.",
        "Do not just change the oil; pressure-test the system.",
        "Without changing or draining the oil, resample.",
        "Check the drain plug and the case drain flow.",
        "Review the oil change interval.",
        "Replace the oil filter.",
        "Replace the engine air filter.",
        "Ask whether the oil was changed.",
        "Watch for changes in the trend.",
        "It isn't necessary to change the oil.",
        "The oil does not need to be changed.",
        "Avoid draining the oil.",
    ],
}


@pytest.mark.parametrize("action", [text for texts in CHANGES.values() for text in texts])
def test_given_advice_to_change_then_its_words_are_found(action):
    assert change_advised(action)


@pytest.mark.parametrize("action", [text for texts in NO_CHANGES.values() for text in texts])
def test_given_words_about_a_change_that_advise_none_then_nothing_is_found(action):
    assert change_advised(action) is None


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([text for texts in CHANGES.values() for text in texts]),
    st.sampled_from(["Sin embargo, ", "Además, ", "Primero mida. ", "Ojo: ", "However, ", "No action yet. "]),
)
def test_given_words_before_an_advised_change_then_they_do_not_hide_it(action, before):
    assert change_advised(before + action)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([text for texts in NO_CHANGES.values() for text in texts]),
    st.sampled_from([text for texts in CHANGES.values() for text in texts]),
)
def test_given_advice_after_a_sentence_without_then_it_is_found(first, second):
    assert change_advised(f"{first} {second}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_given_a_rule_then_it_says_whether_its_action_changes_something_and_its_cause_never_does(language):
    for rule in expert_rules(language).values():
        assert bool(change_advised(rule.action)) == rule.advises_change, rule.rule_id
        assert not change_advised(rule.cause), rule.rule_id
