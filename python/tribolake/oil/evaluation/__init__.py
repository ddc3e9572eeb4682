"""Score published recommendations: do they say what the numbers say, and nothing else?

The evaluation reads a Parquet file with one row per report. Its texts may be those of this project, or free text of
another system such as *El hierro 85 ppm supera el límite de 60 ppm; se recomienda cambiar el aceite.*

reports         the file, read in confinement            clauses       how a text is read
judging         one text and its row                     scores        shares over all texts
grounding       numbers of a text and their essays:      worst         examples of wrong texts
                quantities, essay_names, pairing         language      another language
change_advice   advice to change oil or a component
claims          calming words, promises and errors

The readers of free text use lists of words. They measure and do not guard: `WRONG_ADVICE` says how often one is wrong.

A number is *grounded* when it is a value or a limit of a breach, another measured value of the row or of its previous
sample, one of its hours, or follows from a breach (`42 %` above its limit, `2 veces`). It may be rounded as far as its
decimals show, by 5 % at most. Some numbers are exempt, because they claim nothing about a measurement:

- intervals in hours, days, weeks or months, and dates where the file has none,
- ISO 4406 codes, grades (`SAE 15W-40`, `ISO VG 46`), standards, identifiers, and the numbers of a list,
- names of essays with their temperature or size, and counts of samples or essays,
- a percentage of change where no essay in per cent is named.
"""

from tribolake.oil.evaluation.change_advice import WRONG_ADVICE
from tribolake.oil.evaluation.evaluate import TEXT, Evaluation, evaluate_recommendations
from tribolake.oil.evaluation.scores import Scores
from tribolake.oil.evaluation.worst import Example

__all__ = ["TEXT", "WRONG_ADVICE", "Evaluation", "Example", "Scores", "evaluate_recommendations"]
