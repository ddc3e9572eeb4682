"""Score the texts of a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.oil.evaluation.judging import judge
from tribolake.oil.evaluation.reports import read_reports
from tribolake.oil.evaluation.scores import Scores, scores_of
from tribolake.oil.evaluation.worst import Example, examples_of
from tribolake.oil.wording.pattern import LANGUAGES

TEXT = "ai_recommendation"
EXAMPLES = 5


@dataclass(frozen=True)
class Evaluation:
    """Scores, and examples of wrong texts."""

    scores: Scores
    worst: list[Example]

    def as_dict(self) -> dict[str, Any]:
        return {"scores": self.scores.as_dict(), "worst": [asdict(example) for example in self.worst]}


def evaluate_recommendations(
    path: Path | str, *, text: str = TEXT, language: str = "es", examples: int = EXAMPLES
) -> Evaluation:
    """Score the texts of a file, and choose examples of wrong texts.

    Args:
        path: a Parquet file, one row per report, with `breached_essays` and a column of texts.
        text: the column of texts.
        language: of the texts: `es` or `en`.
        examples: most examples of each score.

    Raises:
        ConfigurationError: the file cannot be read, a column is missing, or the language is unknown.
    """
    if language not in LANGUAGES:
        raise ConfigurationError(f"language {language!r} is unknown: choose one of {', '.join(LANGUAGES)}")
    judged = [judge(report, language) for report in read_reports(Path(path), text)]
    return Evaluation(scores_of(judged), examples_of(judged, examples))
