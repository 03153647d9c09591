"""`modelfile check` tells a user everything at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.stages.models.modelfile import ModelfileError, ModelfileProblem, check, parse


def problems(text: str | bytes) -> list[tuple[int, str]]:
    return [(problem.line, problem.severity) for problem in check(text)]


def test_a_sound_file_has_no_problems() -> None:
    assert check('FROM a\nPARAMETER temperature 0.7\nSYSTEM """two\nlines"""\nMESSAGE user "hi"\n') == []


def test_every_error_is_reported_with_its_line() -> None:
    text = (
        "PARAMETER temperature warm\n"
        "SYSTEM first line\n"
        "second line\n"
        "MESSAGE tool x\n"
        "PARAMETER tempratur 0.7\n"
        "PARAMETER num_ctx 1e3\n"
        "PARAMETER  top_k 40\n"
        "PARAMETER top_k\n"
        "PARAMETER seed 1\n"
    )
    assert [(problem.line, problem.message.split(";")[0]) for problem in check(text)] == [
        (0, "no FROM line"),
        (1, "temperature takes a value of type float, not 'warm'"),
        (3, "unknown command 'second'"),
        (4, "message role must be one of system, user and assistant, not 'tool'"),
        (5, "unknown parameter 'tempratur'"),
        (6, "num_ctx takes a value of type int, not '1e3'"),
        (7, "unknown parameter '': PARAMETER and the name must be separated by one space"),
        (8, "unexpected EOF: PARAMETER takes a name of letters, digits and _, a space and a value"),
    ]
    assert all(problem.severity == "error" for problem in check(text))


def test_errors_after_a_text_that_is_never_closed_are_still_reported() -> None:
    text = 'FROM a\nSYSTEM """\nYou write listings.\nBe terse.\nPARAMETER seed x\n'
    assert problems(text) == [(2, "error"), (5, "error")]


def test_a_comment_behind_a_value_is_explained() -> None:
    (problem,) = check("FROM a\nPARAMETER temperature 0.7 # hot\n")
    assert problem.message.endswith("not '0.7 # hot'; a comment needs a line of its own")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            "FROM a\nPARAMETER mirostat 2\n",
            ModelfileProblem(2, "parameter mirostat is deprecated: Ollama ignores it", "warning"),
        ),
        (
            "FROM gpt-oss:120b-cloud\n",
            ModelfileProblem(
                1, "gpt-oss:120b-cloud runs at a hosted service: every prompt leaves this machine", "warning"
            ),
        ),
        (
            "FROM kimi-k2:Cloud\n",
            ModelfileProblem(1, "kimi-k2:Cloud runs at a hosted service: every prompt leaves this machine", "warning"),
        ),
        (
            "FROM a\nFROM b\n",
            ModelfileProblem(2, "FROM was given in line 1: of names the last wins, files are joined", "warning"),
        ),
        ('FROM a\nSYSTEM """x\n4\u00a0oz"""\n', ModelfileProblem(3, "Ollama drops NO-BREAK SPACE (U+00A0)", "warning")),
        (
            'FROM a\nSYSTEM "Great Value" is cheap\nMESSAGE user "x"\n',
            ModelfileProblem(2, 'text follows the closing ", so that the value goes on to line 3', "warning"),
        ),
        (
            'FROM a\nSYSTEM """x""" # c\nMESSAGE user """y"""\n',
            ModelfileProblem(2, 'text follows the closing """, so that the value goes on to line 3', "warning"),
        ),
    ],
)
def test_what_ollama_accepts_but_a_user_hardly_means_is_a_warning(text: str, warning: ModelfileProblem) -> None:
    assert check(text) == [warning]


def test_bytes_that_are_not_utf_8_are_a_warning_with_their_line() -> None:
    assert problems("FROM a\nSYSTEM Café".encode("latin-1")) == [(2, "warning")]


def test_dropped_characters_in_comments_are_of_no_concern() -> None:
    assert check("# made by\u00a0hand\nFROM a\n") == []


def test_a_from_without_a_model_is_an_error() -> None:
    assert problems("FROM \n") == [(1, "error")]


@given(
    st.lists(
        st.sampled_from(["FROM a\n", "SYSTEM ", "PARAMETER stop ", "MESSAGE user ", '"', '"""', "x", "\n", "\r\n"])
    )
)
def test_a_file_that_cannot_be_read_has_an_error_at_the_line_of_the_first_mistake(pieces: list[str]) -> None:
    text = "".join(pieces)
    errors = [problem.line for problem in check(text) if problem.severity == "error"]
    try:
        parse(text)
    except ModelfileError as mistake:
        assert mistake.line in errors
    else:
        assert errors == []
