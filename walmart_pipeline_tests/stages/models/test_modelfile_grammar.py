"""Ollama's own known answers, and every trap of its grammar that a Modelfile of ours or a user's could step into."""

from __future__ import annotations

import codecs

import pytest

from walmart_pipeline.stages.models.modelfile import Modelfile, ModelfileError, parse


def refusal(text: str | bytes) -> ModelfileError:
    with pytest.raises(ModelfileError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize("text", ["", "PARAMETER num_ctx 1", "# only a comment", "\n \t\r\n"])
def test_a_file_without_from_is_refused(text: str) -> None:
    assert str(refusal(text)) == "no FROM line"


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("FROM foo", "foo"),
        ("FROM     FOO BAR    ", "FOO BAR"),
        ('FROM "     model 1"', "     model 1"),
        ('FROM "FOO  BAR  "', "FOO  BAR  "),
        ("FROM /what/is/the path ", "/what/is/the path"),
        ("FROM llama3:7b-instruct-q4_K_M", "llama3:7b-instruct-q4_K_M"),
        ("from\tfoo\r\n", "foo"),
        ("PARAMETER num_ctx 1\nFROM foo", "foo"),
        ("FROM a\nFROM b", "b"),
        ("FROM ", ""),
        ("\ufeffFROM foo", "foo"),
        ("\u00a0FROM foo", "foo"),
    ],
)
def test_from_is_read_as_ollama_reads_it(text: str, model: str) -> None:
    assert parse(text).from_ == model


def test_a_file_with_every_command_is_read_whole() -> None:
    text = (
        "# made by hand\nrequires 0.14.0\nFROM model1\nADAPTER      adapter1\nDRAFT ./draft.gguf\nRENDERER r\n"
        'PARSER p\nLICENSE "MIT       "\nLICENSE Apache-2.0\nPARAMETER temperature .5\nPARAMETER use_mmap t\n'
        'PARAMETER stop </s>\nPARAMETER stop "### User: "\nTEMPLATE """   {{ .Prompt }}\n\n{{ .Response }}   """    \n'
        "SYSTEM You are terse.\nMESSAGE user Hey there!\nMESSAGE assistant Hello: all\n"
    )
    assert parse(text) == Modelfile(
        from_="model1",
        parameters={"temperature": 0.5, "use_mmap": True, "stop": ["</s>", "### User: "]},
        template="   {{ .Prompt }}\n\n{{ .Response }}   ",
        system="You are terse.",
        adapter="adapter1",
        license=["MIT       ", "Apache-2.0"],
        messages=[("user", "Hey there!"), ("assistant", "Hello: all")],
        other={"requires": "0.14.0", "draft": "./draft.gguf", "renderer": "r", "parser": "p"},
    )


@pytest.mark.parametrize(
    ("value", "system"),
    [
        ('"""\nThis is a\nmultiline system.\n"""', "\nThis is a\nmultiline system.\n"),
        ('"""\nThis is a\nmultiline system."""\n\t\t\t', "\nThis is a\nmultiline system."),
        ('"""This is a multiline system."""', "This is a multiline system."),
        ('"""\nwith "quotes".\n"""', '\nwith "quotes".\n'),
        ('""""""', ""),
        ('""', ""),
        ("", ""),
        ('"\'"', "'"),
        (""""\"\"''"'""'""'"'''''""'""'\"\"\"""", """''"'""'""'"'''''""'""'"""),
        ('"""use """x""" here\nbye"""', 'use """x""" here\nbye'),
        ('""""starts and ends""""', '"starts and ends"'),
        ('"two\nlines"  ', "two\nlines"),
        ('"kept  \t\nas is"', "kept  \t\nas is"),
        ('"""a\r\nb\rc"""', "a\r\nb\rc"),
        (r"no \n escapes \" here", r"no \n escapes \" here"),
        ("no # inline comment", "no # inline comment"),
        ('"""a\n# no comment either"""', "a\n# no comment either"),
        ("你好👋", "你好👋"),
    ],
)
def test_a_value_ends_where_ollama_ends_it(value: str, system: str) -> None:
    assert parse(f"FROM a\nSYSTEM {value}\nPARAMETER seed 1\n") == Modelfile("a", {"seed": 1}, system=system)


@pytest.mark.parametrize("char", "\u00a0\u2009\u200d\u200b\u00ad\u2028\u0085\ufeff\x07\ue000")
def test_characters_that_ollama_drops_are_dropped(char: str) -> None:
    assert parse(f"FROM a\nSYSTEM 4{char}oz").system == "4oz"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("FROM a\nSYSTEM first\nsecond line\n", 3, "unknown command 'second'"),
        ("FROM foo\n\nBADCOMMAND param1 value1\n", 3, "unknown command 'BADCOMMAND'"),
        ("FROM foo\r\n\r\nBADCOMMAND\r\n", 3, "unknown command 'BADCOMMAND'"),
        ('FROM a\nSYSTEM "Great Value" is cheap\nPARAMETER seed 1\n', 2, "unexpected EOF"),
        ('FROM a\nSYSTEM """x""" # c\n', 2, "unexpected EOF"),
        ('FROM a\nSYSTEM """x""\n', 2, "unexpected EOF"),
        ('FROM a\nSYSTEM """a"""\nb"""\n', 3, "unknown command"),
        ("FROM a\nSYSTEM", 2, "unexpected EOF"),
        ("FROM foo\nPARAMETER param1\n", 2, "unexpected EOF"),
        ("FROM foo\nPARAMETER top-k 1\n", 2, "unexpected EOF"),
        ("FROM foo\nMESSAGE system\n", 2, "unexpected EOF"),
        ("FROM foo\nMESSAGE system", 2, "unexpected EOF"),
        ("FROM foo\nMESSAGE User x\n", 2, "role must be one of system, user and assistant, not 'User'"),
        ("FROM foo\nMESSAGE tool x\n", 2, "role must be one of"),
        ("FROM foo\nMESSAGE  user x\n", 2, "role must be one of"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, says: str) -> None:
    error = refusal(text)
    assert error.line == line
    assert says in error.message
    assert str(error).startswith(f"line {line}: ")


def test_an_unclosed_quote_swallows_lines_up_to_one_that_ends_in_a_quote() -> None:
    read = parse('FROM a\nSYSTEM "Great Value" is cheap\nPARAMETER seed 1\nLICENSE "MIT"\n')
    assert read == Modelfile("a", system='Great Value" is cheap\nPARAMETER seed 1\nLICENSE "MIT')


@pytest.mark.parametrize(
    ("line", "parameters"),
    [
        ("num_ctx 4096", {"num_ctx": 4096}),
        ("temperature 1", {"temperature": 1.0}),
        ("temperature 1e-1", {"temperature": 0.1}),
        ('temperature "0.7"', {"temperature": 0.7}),
        ("temperature 0.7 # hot", {"temperature": "0.7 # hot"}),
        (" temperature 0.7", {"": "temperature 0.7"}),
        ("Temperature 0.7", {"Temperature": "0.7"}),
        ("num_ctx 1.0", {"num_ctx": "1.0"}),
        ("num_ctx 1e3", {"num_ctx": "1e3"}),
        ("num_ctx 1_000", {"num_ctx": "1_000"}),
        ("num_ctx 9223372036854775808", {"num_ctx": "9223372036854775808"}),
        ("temperature NaN", {"temperature": "NaN"}),
        ("temperature 1e39", {"temperature": "1e39"}),
        ("use_mmap F", {"use_mmap": False}),
        ("use_mmap yes", {"use_mmap": "yes"}),
        ("penalize_newline true", {"penalize_newline": "true"}),
        ("param1        value1", {"param1": "value1"}),
        ("stop ### User: ", {"stop": ["### User:"]}),
        ('stop "### User: "', {"stop": ["### User: "]}),
        ('stop """### User:\n"""', {"stop": ["### User:\n"]}),
        ("stop a\nPARAMETER stop b", {"stop": ["a", "b"]}),
        ("seed 1\nPARAMETER seed 2", {"seed": 2}),
    ],
)
def test_parameters_have_their_type_and_what_does_not_fit_stays_text(line: str, parameters: dict[str, object]) -> None:
    read = parse(f"FROM foo\nPARAMETER {line}\n").parameters
    assert read == parameters
    assert [type(value) for value in read.values()] == [type(value) for value in parameters.values()]


def test_of_repeated_texts_the_last_wins_and_licenses_and_messages_append() -> None:
    text = "FROM a\n" + "".join(
        f"SYSTEM {n}\nTEMPLATE {n}\nADAPTER {n}\nLICENSE {n}\nMESSAGE user {n}\nPARSER {n}\n" for n in "12"
    )
    assert parse(text) == Modelfile(
        "a",
        system="2",
        template="2",
        adapter="2",
        license=["1", "2"],
        messages=[("user", "1"), ("user", "2")],
        other={"parser": "2"},
    )


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF8, "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_utf_8_and_utf_16_with_a_byte_order_mark_read_the_same(mark: bytes, encoding: str) -> None:
    text = "FROM bob\nPARAMETER num_ctx 4096\nSYSTEM You are a utf16 file: 你好👋\n"
    assert parse(mark + text.encode(encoding)) == parse(text)


def test_bytes_that_are_not_utf_8_do_not_stop_the_reading() -> None:
    assert parse("FROM a\nSYSTEM Café".encode("latin-1")).system == "Caf\ufffd"
