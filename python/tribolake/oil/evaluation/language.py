"""Which language a text is in, where that is clear: a short technical sentence must not flap.

Function words decide, because the vocabulary of the field is much the same in all Romance languages. Where they leave
it open, `langdetect` is asked, seeded, among the languages that a model is likely to answer in.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache
from importlib import resources

from langdetect.detector_factory import DetectorFactory
from langdetect.lang_detect_exception import LangDetectException

from tribolake.oil.evaluation.clauses import blanked, folded, normal, words
from tribolake.oil.evaluation.essay_names import mentions

SEED = 0
LEAD = 2  # function words that another language must have more of
UNLIKELY = 0.05  # a probability of the expected language below which another one is
FEW_LETTERS = 40  # below these two, langdetect guesses: it is asked only where function words speak against a text
FEW_WORDS = 4
FEWEST_WORDS = 3  # below this nobody can tell
LATIN = re.compile(r"[a-z\u00df-\u024f]+")
FUNCTION_WORDS = {
    language: frozenset(listed.split())
    for language, listed in {
        "es": "a el la los las un una unos unas de del al y o u en con por para que se su sus es son esta estan hay "
        "este estos como lo le sin sobre entre hasta desde ante antes despues cuando si muy mas menos solo tambien "
        "pero sino ya aun segun puede pueden debe deben frente posible",
        "en": "the a an of to and or in on at by for from with that this these those is are was be been it its as if "
        "not no but than then before after when which may can could should must has have near against until while "
        "above below only also",
        "pt": "o os as um uma uns umas do da dos das no na nos nas ao aos e ou em com por para que se seu sua seus "
        "suas nao mais foi sao esta estao ser pelo pela ate apos quando tambem muito mas oleo",
        "it": "il lo gli i le un uno una di del della dei degli delle dello al alla ai alle e o in con per che si suo "
        "sua sono nel nella nei nelle dal dalla non piu anche olio puo come tra sul sulla ed",
        "fr": "le les un une des du de au aux et ou en dans avec pour par que qui est sont sur son sa ses il elle ne "
        "pas plus huile peut cette ces avant apres",
        "de": "der die das den dem des ein eine einen einem einer und oder in im mit von vom zu zum zur fur auf ist "
        "sind nicht bei aus an am wird werden ol uber",
    }.items()
}


@lru_cache(maxsize=16_384)
def is_another_language(text: str, expected: str) -> bool:
    """Whether a text is clearly not in the language that was expected.

    Args:
        text: names of essays in it do not count.
        expected: `es` or `en`.
    """
    plain = normal(text)
    plain = blanked(plain, ((mention.start, mention.end) for mention in mentions(plain)))
    found = words(folded(plain))
    if not found:
        return False
    if sum(not LATIN.fullmatch(word) for word in found) * 2 > len(found):
        return True
    counts = Counter({name: sum(word in known for word in found) for name, known in FUNCTION_WORDS.items()})
    other, most = max(((name, count) for name, count in counts.items() if name != expected), key=lambda pair: pair[1])
    if counts[expected] > most:
        return False
    if most - counts[expected] >= LEAD and not _are_mistaken(expected, other, plain):
        return True
    is_short = sum(map(len, found)) < FEW_LETTERS and len(found) <= FEW_WORDS
    if is_short and (len(found) < FEWEST_WORDS or most == 0 or counts[expected]):
        return False
    return _probability(plain, expected) < UNLIKELY


def _are_mistaken(expected: str, other: str, plain: str) -> bool:
    """Spanish shares many function words with its neighbours: they alone do not decide between them."""
    return expected == "es" and other in {"pt", "it", "fr"} and _probability(plain, expected) >= 1 - UNLIKELY


def _probability(text: str, language: str) -> float:
    detector = _detectors().create()
    detector.append(" ".join(words(text)).lower())
    try:
        found = detector.get_probabilities()
    except LangDetectException:  # it has no letter that a language is known by
        return 1.0
    return next((float(guess.prob) for guess in found if guess.lang == language), 0.0)


@cache
def _detectors() -> DetectorFactory:
    factory = DetectorFactory()
    profiles = resources.files("langdetect") / "profiles"
    factory.load_json_profile([(profiles / name).read_text(encoding="utf-8") for name in FUNCTION_WORDS])
    factory.set_seed(SEED)
    return factory
