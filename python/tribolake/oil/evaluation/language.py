"""Tell whether a text is clearly in another language. The answer for a short technical sentence must be stable.

Function words decide, because the vocabulary of the field is much the same in all Romance languages. Where they do not
decide, `langdetect` does, with a fixed seed, among the languages in which a model is likely to answer.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources

from langdetect.detector_factory import DetectorFactory
from langdetect.lang_detect_exception import LangDetectException

from tribolake.oil.evaluation.clauses import blanked, folded, normal, read_words, words
from tribolake.oil.evaluation.essay_names import mentions

SEED = 0
LEAD = 2  # function words by which another language must lead
UNLIKELY = 0.05  # below this probability a text is not in the expected language
# In a text as short as this langdetect guesses: it decides only where function words speak against the text.
FEW_LETTERS, FEW_WORDS = 40, 4
FEWEST_WORDS = 3  # the language of a shorter text is not known
LATIN = re.compile(r"[a-z\u00df-\u024f]+")
FUNCTION_WORDS = read_words("function_words")  # by language


@lru_cache(maxsize=16_384)
def is_another_language(text: str, expected: str) -> bool:
    """Return whether a text is clearly not in the expected language, `es` or `en`. Names of essays do not count."""
    plain = normal(text)
    plain = blanked(plain, ((mention.start, mention.end) for mention in mentions(plain)))
    found = words(folded(plain))
    if not found:
        return False
    if sum(not LATIN.fullmatch(word) for word in found) * 2 > len(found):
        return True
    counts = {name: sum(word in known for word in found) for name, known in FUNCTION_WORDS.items()}
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
    """Return whether function words are wrong. Spanish shares many of them with its neighbours."""
    return expected == "es" and other in {"pt", "it", "fr"} and _probability(plain, expected) >= 1 - UNLIKELY


def _probability(text: str, language: str) -> float:
    detector = _detectors().create()
    detector.append(" ".join(words(text)).lower())
    try:
        found = detector.get_probabilities()
    except LangDetectException:  # no letter tells a language
        return 1.0
    return next((float(guess.prob) for guess in found if guess.lang == language), 0.0)


@cache
def _detectors() -> DetectorFactory:
    factory = DetectorFactory()
    profiles = resources.files("langdetect") / "profiles"
    factory.load_json_profile([(profiles / name).read_text(encoding="utf-8") for name in FUNCTION_WORDS])
    factory.set_seed(SEED)
    return factory
