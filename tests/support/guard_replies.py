"""Replies that guards are tried on: a good one per pattern, in which one sentence at a time is replaced."""

from __future__ import annotations

from tribolake.oil.wording.guards.violations import violations
from tribolake.oil.wording.pattern import Language, Pattern, Rule
from tribolake.oil.wording.reply import Reply

WEAR_SLOTS = ("Cromo.limit", "Cromo.value", "Hierro.limit", "Hierro.value")
ADDITIVE_SLOTS = ("Zinc.limit", "Zinc.value")
WEAR: dict[Language, Rule] = {
    "es": Rule(
        "W1",
        "U1",
        False,
        "Hierro y cromo altos indican desgaste de camisas, anillos o pistones.",
        "Medir soplado del cárter, compresión y consumo de aceite; remuestrear a 125 h.",
    ),
    "en": Rule(
        "W1",
        "U1",
        False,
        "High iron and chromium point to wear of liners, rings or pistons.",
        "Measure blow-by, compression and oil consumption; resample at 125 h.",
    ),
}
ADDITIVES: dict[Language, Rule] = {
    "es": Rule(
        "A1",
        "U3",
        False,
        "Solo hay aditivos fuera de límite: suele ser otro producto.",
        "Verificar el producto declarado y esperar la próxima muestra programada.",
    ),
    "en": Rule(
        "A1",
        "U3",
        False,
        "Only additives are out of limits: usually another product.",
        "Verify the declared product and wait for the next scheduled sample.",
    ),
}
GOOD: dict[tuple[Language, bool], dict[str, str]] = {
    ("es", False): {
        "observation": "El motor muestra hierro {Hierro.value} (límite {Hierro.limit}) y cromo {Cromo.value} "
        "(límite {Cromo.limit}).",
        "cause": "Es compatible con desgaste de camisas, anillos o pistones.",
        "action": "Mida el soplado y la compresión y revise el consumo de aceite.",
    },
    ("en", False): {
        "observation": "The engine shows iron {Hierro.value} (limit {Hierro.limit}) and chromium {Cromo.value} "
        "(limit {Cromo.limit}).",
        "cause": "It is consistent with wear of liners, rings or pistons.",
        "action": "Measure blow-by and compression and check oil consumption.",
    },
    ("es", True): {
        "observation": "Solo un aditivo está fuera de límite: zinc {Zinc.value} (límite {Zinc.limit}).",
        "cause": "Es posible un producto distinto del declarado.",
        "action": "Confirme el producto cargado y tome otra muestra.",
    },
    ("en", True): {
        "observation": "Only one additive is out of limits: zinc {Zinc.value} (limit {Zinc.limit}).",
        "cause": "Another product than the declared one is possible.",
        "action": "Confirm the product and take another sample.",
    },
}


def wear_pattern(language: Language = "es") -> Pattern:
    """A worn engine, urgency U1, whose rule advises no change."""
    return Pattern("{}", language, "motor", (WEAR[language],), WEAR_SLOTS, False)


def additives_pattern(language: Language = "es") -> Pattern:
    return Pattern("{}", language, "motor", (ADDITIVES[language],), ADDITIVE_SLOTS, True)


def guards_of(asked: Pattern, **said: str) -> set[str]:
    """The guards that object to the good reply with these sentences instead."""
    sentences = GOOD[asked.language, asked.only_additives] | said
    reply = Reply.model_validate(sentences | {"urgency": asked.urgency})
    return {violation.guard for violation in violations(reply, asked)}
