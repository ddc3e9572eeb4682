"""Test the scores of texts that agree with the numbers of their report, and of texts that do not."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tribolake.cli.app import app
from tribolake.cli.evaluation_tables import print_scores
from tribolake.cli.options import Exit
from tribolake.errors import ConfigurationError
from tribolake.oil.evaluation import Scores, evaluate_recommendations
from tribolake.oil.evaluation.grounding import grounding_of
from tribolake.oil.evaluation.judging import judge
from tribolake.oil.evaluation.reports import Breach, Report


def breach(essay, value, limit, band="Critico"):
    return Breach(essay, band, value, limit)


def read_table(name):
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


IRON = breach("Hierro", 85.0, 60.0)
COPPER = breach("Cobre", 12.5, 9.0, "Marginal")
ZINC = breach("Zinc", 1294.0, 1250.0)
WATER = breach("Agua", 0.35, 0.2)


def report(text, *breaches, status="Anormal", urgency=None, **more):
    return Report("S1", text, status, urgency, breaches or (IRON, COPPER), **more)


def problems(text, *breaches, language="es", **more):
    return {score for score, _ in judge(report(text, *breaches, **more), language).problems}


def write(path: Path, rows: list[tuple], columns: str) -> Path:
    connection = duckdb.connect()
    connection.execute(f"create table rows ({columns})")
    for row in rows:
        connection.execute(f"insert into rows values ({', '.join('?' * len(row))})", row)
    connection.execute(f"copy rows to '{path}' (format parquet)")
    return path


@pytest.fixture
def evaluated(tmp_path):
    """Evaluate a file of these rows."""

    def evaluate(rows, columns=COLUMNS):
        return evaluate_recommendations(write(tmp_path / "reports.parquet", rows, columns))

    return evaluate


COLUMNS = "sampleNumber varchar, report_status varchar, breached_essays varchar, ai_recommendation varchar"


def listed(*breaches):
    return json.dumps(
        [{"essay": b.essay, "value": b.value, "threshold": b.band, "limit": b.limit, "points": 5} for b in breaches],
        ensure_ascii=False,
    )


@pytest.mark.parametrize("row", read_table("numbers.csv"), ids=lambda row: row["text"])
def test_numbers_are_grounded_and_paired_as_labelled(row):
    found = grounding_of(row["text"], report(row["text"]))
    assert len(found.ungrounded) == bool(row["ungrounded"])
    assert all(row["ungrounded"] in shown for shown in found.ungrounded)
    assert len(found.mispaired) == int(row["mispaired"] or 0)


@pytest.mark.parametrize(
    ("written", "value"),
    [("1.294", 1294), ("1,294", 1294), ("1294", 1294), ("1 294", 1294), ("1.294,0", 1294), ("1,294.0", 1294)],
)
def test_every_spelling_of_thousands_is_read(written, value):
    found = grounding_of(f"Zinc {written} ppm.", report("", breach("Zinc", value, 1200.0)))
    assert (found.ungrounded, found.paired) == ((), 1)


def test_hours_dates_and_names_of_the_row_claim_nothing():
    row = report("", hours=(12500.0, 250.0), names=("T_09", "R120-52143-0127", "789C"), measured={"Silicio": 14.0})
    found = grounding_of("T-09 (789C), muestra R120-52143-0127 a 12.500: hierro 85, silicio 14, aceite con 250.", row)
    assert (found.ungrounded, found.mispaired, found.paired) == ((), (), 2)


def test_model_number_does_not_hide_a_longer_number():
    row = report("", breach("Calcio", 3309.0, 3198.0), names=("330",))
    found = grounding_of("Calcio 3309 ppm (límite 3198); calcio 330.", row)
    assert (found.paired, len(found.ungrounded)) == (2, 1)


values = st.floats(0.01, 99999).map(lambda value: float(f"{value:.4g}"))


@settings(max_examples=150, deadline=None)
@given(
    values, values, st.sampled_from(["{v} ppm, límite {l}", "{v} (límite {l} ppm)", "{v} supera {l}"]), st.booleans()
)
def test_value_and_limit_are_always_grounded_and_paired(value, limit, form, comma):
    shown = {"v": f"{value:.10g}", "l": f"{limit:.10g}"}
    text = "Hierro " + form.format(**{key: s.replace(".", ",") if comma else s for key, s in shown.items()}) + "."
    found = grounding_of(text, report(text, breach("Hierro", value, limit)))
    assert (found.ungrounded, found.mispaired, found.paired) == ((), (), 2)


@settings(max_examples=150, deadline=None)
@given(st.integers(10, 5000), st.integers(10, 5000), st.integers(10, 5000))
def test_whole_number_is_grounded_by_a_fact_only(value, limit, invented):
    found = grounding_of(f"Hierro {invented} ppm.", report("", breach("Hierro", float(value), float(limit))))
    assert bool(found.ungrounded) == (invented not in {value, limit})


@pytest.mark.parametrize("row", read_table("texts.csv"), ids=lambda row: row["text"])
def test_text_has_the_problem_of_its_label_or_none(row):
    breaches = {"Zinc": (ZINC,), "Agua": (WATER,), "": ()}[row["breaches"]]
    found = problems(row["text"], *breaches, urgency=row["urgency"] or None)
    assert row["problem"] in found if row["problem"] else not found


def test_text_of_more_than_150_words_is_too_long():
    assert "too_long" in problems("Hierro " + "alto " * 151)


@pytest.mark.parametrize("text", [None, "  "])
def test_missing_text_is_a_problem_in_alarm_only(text):
    assert problems(text) == {"missing"}
    assert problems(text, status="Normal") == problems(text, status="Sin evaluar") == set()


def test_scores_of_a_file_are_shares_of_its_texts(evaluated):
    good = "El hierro 85 ppm supera el límite de 60 ppm."
    rows = [
        ("S1", "Anormal", listed(IRON), good),
        ("S2", "Anormal", listed(IRON), good),
        ("S3", "Anormal", listed(breach("Hierro", 90.0, 60.0)), "El hierro 90 ppm supera el límite de 60 ppm."),
        ("S4", "Alerta", listed(IRON), "El hierro 99 ppm supera el límite de 60 ppm."),
        ("S5", "Alerta", listed(IRON), None),
        ("S6", "Normal", "[]", None),
        ("S7", "Sin evaluar", None, ""),
        ("S8", "Alerta", listed(ZINC), "Zinc 1294 ppm: cambie el aceite."),
    ]
    found = evaluated(rows)
    scores = found.scores
    assert (scores.reports, scores.in_alarm, scores.texts) == (8, 6, 5)
    assert scores.missing == pytest.approx(1 / 6, abs=1e-6)
    assert (scores.ungrounded, scores.mispaired, scores.paired_numbers) == (0.2, 0.0, 1.0)
    assert scores.numbers_grounded == pytest.approx(8 / 9, abs=1e-6)
    assert (scores.only_additives, scores.additive_rule_broken) == (1, 1.0)
    assert (scores.critical_breaches, scores.critical_named) == (5, 1.0)
    assert (scores.identical, scores.identical_but_numbers) == (0.2, 0.6)
    assert (scores.errors, scores.too_long, scores.other_language, scores.calming) == (0.0, 0.0, 0.0, None)
    assert [(example.score, example.sample) for example in found.worst] == [
        ("additive_rule_broken", "S8"),
        ("missing", "S5"),
        ("ungrounded", "S4"),
    ]
    assert "99" in found.worst[-1].reason
    assert json.loads(json.dumps(found.as_dict()))["scores"] == scores.as_dict()


def test_file_of_another_system_needs_two_columns(tmp_path):
    path = tmp_path / "theirs.parquet"
    duckdb.execute(
        f"""
        copy (
            select
                [{{'essay': 'Hierro', 'value': 85, 'threshold': 'Critico', 'limit': 60}}] as breached_essays,
                'Fe 85 ppm supera 61 ppm.' as "it's a text"
        ) to '{path}' (format parquet)
        """
    )
    found = evaluate_recommendations(path, text="it's a text")
    assert (found.scores.texts, found.scores.ungrounded, found.scores.critical_named) == (1, 1.0, 1.0)
    assert [example.score for example in found.worst] == ["ungrounded"]


def test_values_of_the_previous_sample_are_facts(evaluated):
    columns = (
        "sampleNumber varchar, previousSampleNumber varchar, breached_essays varchar, Hierro double, "
        "ai_recommendation varchar"
    )
    rows = [
        ("S2", "S1", listed(IRON), 85.0, "Hierro 85 ppm (antes 41, límite 60)."),
        ("S1", None, None, 41.0, None),
        ("S3", "S2", listed(IRON), 85.0, "Hierro 85 ppm (antes 41, límite 60)."),
        ("S1", None, None, 44.0, None),
    ]
    found = evaluated(rows, columns)
    assert (found.scores.reports, found.scores.ungrounded) == (4, 0.5)
    assert [example.sample for example in found.worst if example.score == "ungrounded"] == ["S3"]


def test_bounds_of_results_out_of_range_are_facts(evaluated):
    columns = (
        "sampleNumber varchar, previousSampleNumber varchar, breached_essays varchar, Hierro double, "
        "censored_essays varchar, ai_recommendation varchar"
    )
    rows = [
        ("S2", "S1", listed(IRON), 85.0, '{"Agua": ">0,05"}', "Hierro 85 ppm (antes <0,05, límite 60), Agua >0,05 %."),
        ("S1", None, None, 0.0, '{"Hierro": "<0,05", "Cobre": 3, "Plomo": "x"}', None),
        ("S3", "S4", listed(IRON), 85.0, "[1]", "Hierro 85 ppm (antes <0,05, límite 60)."),
    ]
    found = evaluated(rows, columns)
    assert [example.sample for example in found.worst if example.score == "ungrounded"] == ["S3"]


def test_row_with_broken_json_has_no_breaches(evaluated):
    rows = [
        ("S1", "Anormal", text, "Revise el filtro.")
        for text in ("{", '"x"', "[1, null]", '[{"essay": 5}]', '[{"essay": "Hierro", "value": true}]', "[" * 9000)
    ]
    assert evaluated(rows).scores.texts == 6


@pytest.mark.parametrize("written", ["9" * 400, "9" * 9000, "NaN", "Infinity", "-Infinity", "1e999"])
def test_number_that_is_not_finite_is_ignored(written, evaluated):
    breached = (
        f'[{{"essay": "Hierro", "threshold": "Critico", "value": {written}, "limit": 60, "previous": {written}}}]'
    )
    rows = [("S1", "Anormal", breached, "El hierro 85 ppm supera el límite de 60 ppm.")]
    found = evaluated(rows)
    assert (found.scores.critical_named, found.scores.ungrounded, found.scores.paired_numbers) == (1.0, 1.0, 1.0)
    assert "85" in found.worst[0].reason


def test_shares_of_an_empty_file_are_none(evaluated):
    scores = evaluated([]).scores
    assert (scores.reports, scores.missing, scores.ungrounded, scores.words_median) == (0, None, None, None)


def test_missing_column_lists_the_columns_of_text(evaluated):
    with pytest.raises(ConfigurationError, match=r"ai_recommendation.*advice, breached_essays, sampleNumber"):
        evaluated([], "sampleNumber varchar, breached_essays varchar, advice varchar")
    with pytest.raises(ConfigurationError, match="no column breached_essays"):
        evaluated([], "ai_recommendation varchar")


def test_list_of_columns_has_some_columns_of_text_only(evaluated):
    columns = ", ".join(["breached_essays varchar", "Aluminio double", *(f"t{i:02} varchar" for i in range(60))])
    with pytest.raises(ConfigurationError, match=r"columns of text found: breached_essays, t00.*, …$") as refused:
        evaluated([], columns)
    assert "Aluminio" not in str(refused.value)


def test_file_that_is_not_parquet_is_an_error(tmp_path):
    (tmp_path / "reports.parquet").write_text("not a parquet file")
    for path in (tmp_path / "reports.parquet", tmp_path / "none.parquet", tmp_path):
        with pytest.raises(ConfigurationError, match=r"Parquet"):
            evaluate_recommendations(path)
    with pytest.raises(ConfigurationError, match="language"):
        evaluate_recommendations(tmp_path / "reports.parquet", language="fr")


def test_file_with_a_quote_in_its_name_is_read(tmp_path):
    path = write(tmp_path / "a b.parquet", [("S1", "Alerta", listed(IRON), "Hierro 85.")], COLUMNS)
    odd = path.rename(tmp_path / "it's.parquet")
    assert evaluate_recommendations(odd).scores.texts == 1


def test_thousand_texts_are_scored_within_seconds(tmp_path):
    rows = [
        (f"S{i}", "Anormal", listed(breach("Hierro", i, 60.0), COPPER), f"El hierro {i} ppm supera 60; cobre 12,5 ppm.")
        for i in range(1000)
    ]
    path = write(tmp_path / "reports.parquet", rows, COLUMNS)
    started = time.process_time()
    assert evaluate_recommendations(path).scores.ungrounded == 0.0
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    "bit", ["1", "1.", "1 ", "a-", "1/", "hierro 85 ", "no cambie el aceite, ", "\u200b", "{", "9" * 40]
)
def test_hostile_text_is_judged_within_seconds(bit):
    started = time.process_time()
    judge(report((bit * 10_000)[:10_000]), "es")
    assert time.process_time() - started < 2


@pytest.fixture
def shown_of(capsys, evaluated):
    """Evaluates a report in alarm with this number and text, and returns what is printed of it."""

    def show(number, text):
        rows = [(number, "Anormal", listed(IRON), text)]
        found = evaluated(rows)
        print_scores(found.scores, found.worst)
        return capsys.readouterr().out

    return show


def test_table_of_scores_shows_examples(shown_of):
    shown = shown_of("S[1]", "El hierro 99 ppm [bold]supera[/bold] su límite.")
    assert "1 texts of 1 reports" in shown
    assert "100.0 %" in shown
    assert "S[1]" in shown
    assert "[bold]supera[/bold]" in shown


def test_escape_sequences_do_not_reach_the_terminal(shown_of):
    shown = shown_of("S\x1b[2J1", "El hierro\x1b[2J 99 ppm\x9b31m\u202e supera su límite.")
    assert r"S\x1b[2J1" in shown
    assert not {"\x1b", "\x9b", "\u202e"} & {*shown}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--text", "nothing"), "--text"),
        (("--language", "en"), "--language"),
        (("FILE", "--client", "nosuch"), "--client"),
    ],
)
def test_evaluate_refuses_options_without_effect(tmp_path, words, said):
    path = write(tmp_path / "reports.parquet", [], COLUMNS)
    given = [str(path) if word == "FILE" else word for word in words]
    done = CliRunner().invoke(app, ["recommendations", "evaluate", *given, "--lake", str(tmp_path)])
    assert (done.exit_code, said in done.output) == (Exit.USAGE, True)


def test_table_shows_every_share():
    from tribolake.cli.evaluation_tables import SHARES  # noqa: PLC0415

    counts = {"reports", "in_alarm", "texts", "only_additives", "critical_breaches", "words_median"}
    assert {name for name, *_ in SHARES} | counts == set(Scores.__dataclass_fields__)
