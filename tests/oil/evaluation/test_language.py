"""A sentence is held for another language only where that is clear."""

from __future__ import annotations

import pytest

from tribolake.oil.evaluation.language import is_another_language

SHORT = {
    "es": [
        "Revise el respiradero.",
        "Posible ingreso de polvo.",
        "Inspeccione sellos.",
        "Repita la muestra.",
        "Tome otra muestra y confirme.",
        "Desgaste de camisas, anillos o pistones.",
        "Probable fuga de refrigerante.",
        "Contaminación externa.",
        "Verifique filtro, mangueras y turbo.",
        "Vigile la tendencia.",
        "Remuestree a 50 h.",
        "Desgaste anormal de componentes internos.",
        "Combustión deficiente, restricción de aire.",
        "Pruebe presión, temperatura, filtro.",
    ],
    "en": [
        "Check the breather.",
        "Possible dust entry.",
        "Inspect seals.",
        "Resample.",
        "Probable coolant leak.",
        "Liner, ring or piston wear.",
        "External contamination.",
        "Abrasive internal wear likely.",
        "Confirm label, hours, declared product.",
        "Stall test, outlet temperature, filter.",
        "Resample at 50 h.",
    ],
}


@pytest.mark.parametrize(("language", "text"), [(name, text) for name, texts in SHORT.items() for text in texts])
def test_given_a_short_sentence_then_its_language_never_flaps(language, text):
    assert not any(is_another_language.__wrapped__(text, language) for _ in range(3))


@pytest.mark.parametrize(
    "text",
    [
        "O ferro está acima do limite e o óleo deve ser trocado.",
        "Possível entrada de poeira pelo filtro de ar.",
        "Provável vazamento de refrigerante no motor.",
        "Il ferro è vicino al limite e indica usura.",
        "Possibile ingresso di polvere dal filtro.",
        "Le fer dépasse la limite et indique une usure.",
        "Das Eisen liegt über dem Grenzwert.",
        "Проверьте фильтр и масло.",
        "检查机油滤清器 和 机油。",
    ],
)
def test_given_another_language_then_it_is_neither_spanish_nor_english(text):
    assert is_another_language(text, "es")
    assert is_another_language(text, "en")


def test_given_sentences_of_the_other_language_then_they_are_told_apart():
    assert is_another_language("The filter should be checked and the sample repeated.", "es")
    assert is_another_language("Revise el filtro y repita la muestra de la bomba.", "en")
