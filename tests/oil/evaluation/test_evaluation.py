"""Scores tell texts that say what the numbers say from those that do not, whoever wrote them."""

from __future__ import annotations

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
    if rows:
        connection.executemany(f"insert into rows values ({', '.join('?' * len(rows[0]))})", rows)
    connection.execute(f"copy rows to '{path}' (format parquet)")
    return path


def scores_of_file(path: Path, **asked: str) -> Scores:
    return evaluate_recommendations(path, **asked).scores


COLUMNS = "sampleNumber varchar, report_status varchar, breached_essays varchar, ai_recommendation varchar"


def listed(*breaches):
    return json.dumps(
        [{"essay": b.essay, "value": b.value, "threshold": b.band, "limit": b.limit, "points": 5} for b in breaches],
        ensure_ascii=False,
    )


GROUNDED = [
    "El hierro 85 ppm supera el límite de 60 ppm; se recomienda cambiar el aceite. Cobre 12,5 ppm.",
    "Hierro: 85.0 ppm (límite: 60.0). Cobre: 12.5 (límite 9).",
    "Fe=85ppm, Cu=12,5ppm.",
    "85 ppm de hierro y 12,5 de cobre.",
    "El hierro (85) está 42 % por encima de su límite.",
    "El hierro es 1,4 veces su límite (85 frente a 60).",
    "Iron is 85 ppm against 60 and copper 13 ppm against 9.",
    "Hierro y cobre de 85 y 12,5 ppm, con límites de 60 y 9.",
    "Hierro 85 ppm. Revise dentro de 72 horas y remuestree a 50-125 h o en 3 días.",
    "Hierro 85. 1) Revise el filtro. 2) Tome 2 muestras.",
    "Hierro 85 con aceite SAE 15W-40, ISO VG 46, código ISO 21/19/15 e ISO 4406.",
    "Viscosidad a 100 °C normal, partículas 4µ normales, hierro 85.",
    "Hierro 85 según ASTM D5185, regla K07, urgencia U1.",
    "El desgaste aumentó un 20 % desde entonces; hierro 85.",
    "Revise los 2 elementos: hierro 85 y cobre 12,5.",
]


@pytest.mark.parametrize("text", GROUNDED)
def test_given_a_text_that_says_what_the_report_says_then_its_numbers_have_a_ground(text):
    found = grounding_of(text, report(text))
    assert (found.ungrounded, found.mispaired) == ((), ())


UNGROUNDED = [
    ("El hierro 86 ppm supera el límite de 60 ppm.", "86"),
    ("El hierro 85 ppm supera el límite de 75 ppm.", "75"),
    ("Hierro 850 ppm.", "850"),
    ("Hierro 8,5 ppm.", "8,5"),
    ("Hierro 85 ppm y silicio 31 ppm.", "31"),
    ("Hierro 85 ppm, 90 % más que su límite.", None),
    ("El hierro es 3 veces su límite.", "3"),
    ("Agua 0,9 %.", "0,9"),
    ("Hierro 85 ppm a 95 °C.", "95"),
    ("Hierro 1.085 ppm.", "1.085"),
    ("Hierro -40 ppm.", "40"),
]


@pytest.mark.parametrize(("text", "number"), UNGROUNDED)
def test_given_a_number_that_the_report_does_not_have_then_it_has_no_ground(text, number):
    found = grounding_of(text, report(text))
    if number is None:  # a percentage of change is exempt, as documented
        assert found.ungrounded == ()
    else:
        assert len(found.ungrounded) == 1
        assert number in found.ungrounded[0]


@pytest.mark.parametrize(
    ("written", "value"),
    [("1.294", 1294), ("1,294", 1294), ("1294", 1294), ("1 294", 1294), ("1.294,0", 1294), ("1,294.0", 1294)],
)
def test_given_thousands_then_every_spelling_is_read(written, value):
    found = grounding_of(f"Zinc {written} ppm.", report("", breach("Zinc", value, 1200.0)))
    assert (found.ungrounded, found.paired) == ((), 1)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Hierro 12,5 ppm y cobre 85 ppm.", 2),
        ("El hierro supera 9 ppm.", 1),
        ("85 ppm de cobre.", 1),
        ("Hierro y cobre de 12,5 y 85 ppm.", 1),
        ("Hierro 85 (límite 9).", 1),
        ("Cobre: 85 ppm; hierro: 85 ppm.", 1),
    ],
)
def test_given_a_number_beside_another_essay_then_it_is_mispaired(text, wrong):
    found = grounding_of(text, report(text))
    assert (len(found.mispaired), found.ungrounded) == (wrong, ())


def test_given_hours_dates_and_names_of_the_row_then_they_are_no_claim():
    row = report("", hours=(12500.0, 250.0), names=("T_09", "R120-52143-0127", "789C"), measured={"Silicio": 14.0})
    found = grounding_of("T-09 (789C), muestra R120-52143-0127 a 12.500: hierro 85, silicio 14, aceite con 250.", row)
    assert (found.ungrounded, found.mispaired, found.paired) == ((), (), 2)


def test_given_a_model_that_looks_like_part_of_a_number_then_the_number_is_read_whole():
    row = report("", breach("Calcio", 3309.0, 3198.0), names=("330",))
    found = grounding_of("Calcio 3309 ppm (límite 3198); calcio 330.", row)
    assert (found.paired, len(found.ungrounded)) == (2, 1)


values = st.floats(0.01, 99999).map(lambda value: float(f"{value:.4g}"))


@settings(max_examples=150, deadline=None)
@given(
    values, values, st.sampled_from(["{v} ppm, límite {l}", "{v} (límite {l} ppm)", "{v} supera {l}"]), st.booleans()
)
def test_given_a_value_and_a_limit_as_they_are_then_they_are_always_grounded_and_paired(value, limit, form, comma):
    shown = {"v": f"{value:.10g}", "l": f"{limit:.10g}"}
    text = "Hierro " + form.format(**{key: s.replace(".", ",") if comma else s for key, s in shown.items()}) + "."
    found = grounding_of(text, report(text, breach("Hierro", value, limit)))
    assert (found.ungrounded, found.mispaired, found.paired) == ((), (), 2)


@settings(max_examples=150, deadline=None)
@given(st.integers(10, 5000), st.integers(10, 5000), st.integers(10, 5000))
def test_given_a_whole_number_that_is_in_no_fact_then_it_is_never_grounded(value, limit, invented):
    found = grounding_of(f"Hierro {invented} ppm.", report("", breach("Hierro", float(value), float(limit))))
    assert bool(found.ungrounded) == (invented not in {value, limit})


@pytest.mark.parametrize(
    ("score", "text", "more"),
    [
        ("additive_rule_broken", "Zinc 1294 ppm sobre 1250; se recomienda cambiar el aceite.", {"breaches": (ZINC,)}),
        ("additive_rule_broken", "Zinc 1294 ppm. Confirme el producto y tire el aceite.", {"breaches": (ZINC,)}),
        ("additive_rule_broken", "Zinc 1294 ppm: conviene deshacerse del aceite.", {"breaches": (ZINC,)}),
        ("additive_rule_broken", "Zinc 1294 ppm. Verify the product, then refill.", {"breaches": (ZINC,)}),
        ("critical_unnamed", "El cobre 12,5 ppm está alto.", {}),
        ("critical_unnamed", "Revise el filtro.", {}),
        ("errors", "Error: rate limit exceeded", {}),
        ("errors", "Lo siento, no puedo ayudar con eso.", {}),
        ("errors", "null", {}),
        ("too_long", "Hierro " + "alto " * 151, {}),
        ("other_language", "The iron is at 85 ppm and should be checked with the next sample.", {}),
        ("promises", "Hierro 85 ppm, sin riesgo de falla.", {}),
        ("calming", "Hierro 85 ppm; puede esperar.", {"urgency": "U1"}),
        ("missing", None, {}),
        ("missing", "  ", {}),
    ],
)
def test_given_a_bad_text_then_its_score_counts_it(score, text, more):
    breaches = more.pop("breaches", ()) if "breaches" in more else ()
    assert score in problems(text, *breaches, **more)


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("Zinc 1294 ppm sobre 1250; los aditivos por sí solos no justifican cambiar el aceite.", {"breaches": (ZINC,)}),
        (
            "Motor en estado Alerta. Alcanzan su límite: Zinc 1294 ppm (límite 1250, crítico). Solo hay aditivos fuera "
            "de límite: suele ser otro producto. Plazo: próxima muestra. Verificar el producto declarado y esperar la "
            "próxima muestra programada. También es compatible con: otro grado, cambio de aceite no registrado.",
            {"breaches": (ZINC,)},
        ),
        ("El Fe alcanza 85 ppm frente a 60; posible error de muestreo, repita la muestra.", {}),
        ("Se detecta contenido de agua de 0,35 % (límite 0,2 %).", {"breaches": (WATER,)}),
        ("Hierro 85 ppm; no puede esperar.", {"urgency": "U0"}),
        (None, {"status": "Normal"}),
        (None, {"status": "Sin evaluar"}),
    ],
)
def test_given_a_good_text_then_nothing_is_wrong(text, more):
    more = dict(more)
    assert problems(text, *more.pop("breaches", ()), **more) == set()


def test_given_a_file_then_scores_are_shares_of_what_they_say(tmp_path):
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
    found = evaluate_recommendations(write(tmp_path / "reports.parquet", rows, COLUMNS))
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


def test_given_a_file_of_another_system_then_its_columns_are_enough(tmp_path):
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


def test_given_the_previous_sample_in_the_file_then_its_values_are_facts_too(tmp_path):
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
    found = evaluate_recommendations(write(tmp_path / "reports.parquet", rows, columns))
    assert (found.scores.reports, found.scores.ungrounded) == (4, 0.5)
    assert [example.sample for example in found.worst if example.score == "ungrounded"] == ["S3"]


def test_given_results_out_of_range_then_what_the_laboratory_wrote_of_them_is_a_fact(tmp_path):
    columns = (
        "sampleNumber varchar, previousSampleNumber varchar, breached_essays varchar, Hierro double, "
        "censored_essays varchar, ai_recommendation varchar"
    )
    rows = [
        ("S2", "S1", listed(IRON), 85.0, '{"Agua": ">0,05"}', "Hierro 85 ppm (antes <0,05, límite 60), Agua >0,05 %."),
        ("S1", None, None, 0.0, '{"Hierro": "<0,05", "Cobre": 3, "Plomo": "x"}', None),
        ("S3", "S4", listed(IRON), 85.0, "[1]", "Hierro 85 ppm (antes <0,05, límite 60)."),
    ]
    found = evaluate_recommendations(write(tmp_path / "reports.parquet", rows, columns))
    assert [example.sample for example in found.worst if example.score == "ungrounded"] == ["S3"]


def test_given_broken_json_then_the_row_has_no_breaches_and_the_rest_is_scored(tmp_path):
    rows = [
        ("S1", "Anormal", text, "Revise el filtro.")
        for text in ("{", '"x"', "[1, null]", '[{"essay": 5}]', '[{"essay": "Hierro", "value": true}]', "[" * 9000)
    ]
    assert scores_of_file(write(tmp_path / "reports.parquet", rows, COLUMNS)).texts == 6


@pytest.mark.parametrize("written", ["9" * 400, "9" * 9000, "NaN", "Infinity", "-Infinity", "1e999"])
def test_given_a_number_that_is_none_then_the_text_is_judged_by_the_rest(tmp_path, written):
    breached = (
        f'[{{"essay": "Hierro", "threshold": "Critico", "value": {written}, "limit": 60, "previous": {written}}}]'
    )
    rows = [("S1", "Anormal", breached, "El hierro 85 ppm supera el límite de 60 ppm.")]
    found = evaluate_recommendations(write(tmp_path / "reports.parquet", rows, COLUMNS))
    assert (found.scores.critical_named, found.scores.ungrounded, found.scores.paired_numbers) == (1.0, 1.0, 1.0)
    assert "85" in found.worst[0].reason


def test_given_no_rows_then_every_share_is_of_nothing(tmp_path):
    scores = scores_of_file(write(tmp_path / "reports.parquet", [], COLUMNS))
    assert (scores.reports, scores.missing, scores.ungrounded, scores.words_median) == (0, None, None, None)


def test_given_a_column_that_is_missing_then_the_error_says_which_there_are(tmp_path):
    path = write(tmp_path / "reports.parquet", [], "sampleNumber varchar, breached_essays varchar, advice varchar")
    with pytest.raises(ConfigurationError, match=r"ai_recommendation.*advice, breached_essays, sampleNumber"):
        scores_of_file(path)
    with pytest.raises(ConfigurationError, match="no column breached_essays"):
        scores_of_file(write(tmp_path / "other.parquet", [], "ai_recommendation varchar"))


def test_given_many_columns_then_only_those_of_text_are_shown_and_not_all(tmp_path):
    columns = ", ".join(["breached_essays varchar", "Aluminio double", *(f"t{i:02} varchar" for i in range(60))])
    with pytest.raises(ConfigurationError, match=r"columns of text found: breached_essays, t00.*, …$") as refused:
        scores_of_file(write(tmp_path / "reports.parquet", [], columns))
    assert "Aluminio" not in str(refused.value)


def test_given_something_else_than_a_parquet_file_then_the_error_says_so(tmp_path):
    (tmp_path / "reports.parquet").write_text("not a parquet file")
    for path in (tmp_path / "reports.parquet", tmp_path / "none.parquet", tmp_path):
        with pytest.raises(ConfigurationError, match=r"Parquet"):
            scores_of_file(path)
    with pytest.raises(ConfigurationError, match="language"):
        scores_of_file(tmp_path / "reports.parquet", language="fr")


def test_given_an_odd_file_name_then_it_is_read_as_it_is(tmp_path):
    path = write(tmp_path / "a b.parquet", [("S1", "Alerta", listed(IRON), "Hierro 85.")], COLUMNS)
    odd = path.rename(tmp_path / "it's.parquet")
    assert scores_of_file(odd).texts == 1


def test_given_many_texts_then_they_are_scored_within_seconds(tmp_path):
    rows = [
        (f"S{i}", "Anormal", listed(breach("Hierro", i, 60.0), COPPER), f"El hierro {i} ppm supera 60; cobre 12,5 ppm.")
        for i in range(1000)
    ]
    path = write(tmp_path / "reports.parquet", rows, COLUMNS)
    started = time.process_time()
    assert scores_of_file(path).ungrounded == 0.0
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    "bit", ["1", "1.", "1 ", "a-", "1/", "hierro 85 ", "no cambie el aceite, ", "\u200b", "{", "9" * 40]
)
def test_given_hostile_texts_then_judging_stays_quick(bit):
    started = time.process_time()
    judge(report((bit * 10_000)[:10_000]), "es")
    assert time.process_time() - started < 2


@pytest.fixture
def shown_of(tmp_path, capsys):
    """Evaluates a report in alarm with this number and text, and returns what is printed of it."""

    def show(number, text):
        rows = [(number, "Anormal", listed(IRON), text)]
        found = evaluate_recommendations(write(tmp_path / "reports.parquet", rows, COLUMNS))
        print_scores(found.scores, found.worst)
        return capsys.readouterr().out

    return show


def test_given_scores_then_the_table_shows_them_with_examples(shown_of):
    shown = shown_of("S[1]", "El hierro 99 ppm [bold]supera[/bold] su límite.")
    assert "1 texts of 1 reports" in shown
    assert "100.0 %" in shown
    assert "S[1]" in shown
    assert "[bold]supera[/bold]" in shown


def test_given_escape_sequences_in_a_file_then_none_reaches_the_terminal(shown_of):
    shown = shown_of("S\x1b[2J1", "El hierro\x1b[2J 99 ppm\x9b31m\u202e supera su límite.")
    assert "S[2J1" in shown
    assert not {"\x1b", "\x9b", "\u202e"} & {*shown}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--text", "nothing"), "--text"),
        (("--language", "en"), "--language"),
        (("FILE", "--client", "nosuch"), "--client"),
    ],
)
def test_given_options_that_would_be_passed_over_then_evaluate_refuses_them(tmp_path, words, said):
    path = write(tmp_path / "reports.parquet", [], COLUMNS)
    given = [str(path) if word == "FILE" else word for word in words]
    done = CliRunner().invoke(app, ["recommendations", "evaluate", *given, "--lake", str(tmp_path)])
    assert (done.exit_code, said in done.output) == (Exit.USAGE, True)


def test_given_scores_then_every_share_is_shown_or_named_as_a_count():
    from tribolake.cli.evaluation_tables import SHARES  # noqa: PLC0415

    counts = {"reports", "in_alarm", "texts", "only_additives", "critical_breaches", "words_median"}
    assert {name for name, *_ in SHARES} | counts == set(Scores.__dataclass_fields__)
