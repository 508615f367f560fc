import json

from typer.testing import CliRunner

from bindscope.cli.app import commands
from bindscope.core.config import Settings
from real_service import serving

QUESTION = {
    "source": {"model": "synthetic:additive", "space": "clevr2d", "modality": "image", "limit": 100},
    "splits": 1,
}


def service(folder) -> Settings:
    return Settings(_env_file=None, data_dir=folder / "data", preload=(), store="off")


def ask(url, *arguments, typed=None):
    return CliRunner().invoke(commands(), ["ask", *arguments, "--url", url], input=typed)


def test_any_question_is_asked_by_its_name(tmp_path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps(QUESTION))
    with serving(service(tmp_path)) as url:
        rows = ask(url, "removals", json.dumps(QUESTION)).stdout.splitlines()
        assert rows[0].startswith("chance=0.5")
        assert "variant=original" in rows[0]
        for given, typed in ((f"@{body}", None), ("-", json.dumps(QUESTION))):
            found = json.loads(ask(url, "removals", given, "--json", typed=typed).stdout)
            assert found["cached"]
            assert set(found["variants"]) > {"original", "minus_concepts", "minus_objects"}


def test_what_is_no_question_is_told_in_a_sentence(tmp_path) -> None:
    with serving(service(tmp_path)) as url:
        wrong = {
            "Known: model-checks": ("nothing", "{}"),
            "is a JSON object": ("probes", "[1]"),
            "is not JSON": ("probes", "{"),
            "No such file": ("probes", "@nofile"),
            "source": ("probes", "{}"),
        }
        for sentence, arguments in wrong.items():
            assert sentence in str(ask(url, *arguments).exception)
