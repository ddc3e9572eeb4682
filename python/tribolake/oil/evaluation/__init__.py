"""Scores of published recommendations: do they say what the numbers say, and nothing else?

It reads a Parquet file with one row per report, whoever wrote the texts: those of this project, or free text of another
system such as *El hierro 85 ppm supera el límite de 60 ppm; se recomienda cambiar el aceite.*

reports         the file, read in confinement            json_numbers  what its JSON has that is a number
judging         one text against its row                 scores        shares over all texts
grounding       numbers of a text and their essays:      worst         examples of what is wrong, and why
                quantities, essay_names, pairing         visible       what may be shown of a file
change_advice   advice to change oil or a component      claims        calming words and promises
errors          an error where advice should be          language      another language
clauses         how a text is read

It reads free text by lists of words, so it measures and guards nothing: `WRONG_ADVICE` says how often it is wrong.

A number is *grounded* when it is a value or a limit of a breach, another measured value of the row or of its previous
sample, one of its hours, or follows from a breach (`42 %` above its limit, `2 veces`). It may be rounded as far as its
decimals show, by 5 % at most. Exempt, because they claim nothing about a measurement: intervals in hours, days, weeks
or months, ISO 4406 codes, grades (`SAE 15W-40`, `ISO VG 46`), standards, identifiers, names of essays with their
temperature or size, dates where the file has none, a percentage of change where no essay in per cent is named, counts
of samples or essays, and the numbers of a list.
"""

from tribolake.oil.evaluation.change_advice import WRONG_ADVICE
from tribolake.oil.evaluation.evaluate import TEXT, Evaluation, evaluate_recommendations
from tribolake.oil.evaluation.scores import Scores
from tribolake.oil.evaluation.worst import Example

__all__ = ["TEXT", "WRONG_ADVICE", "Evaluation", "Example", "Scores", "evaluate_recommendations"]
