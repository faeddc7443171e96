"""Settings: an argument overrides the environment, which overrides .env."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from seltzer.main import load_graphs
from seltzer.settings import Settings, apply_env
from tests.serving import write_graphs

Forget = Callable[..., None]
URLS = ("DATABASE_URL", "DATABASE_URI", "POSTGRES_URI")
DATABASE = (*URLS, "DATABASE_DIRECT_URL")


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Forget:
    """Return a function that takes names out of the environment, and again when the test has ended."""

    def do(*names: str) -> None:
        for name in names:
            monkeypatch.setenv(name, "")  # so that it is undone, if the test sets it
            monkeypatch.delenv(name)

    return do


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Forget) -> Path:
    """Work in an empty folder, with none of our names in the environment."""
    monkeypatch.chdir(tmp_path)
    forget("HOST", "PORT", *DATABASE, *(f"SELTZER_{name.upper()}" for name in Settings.model_fields))
    return tmp_path


def dotenv(*lines: str) -> None:
    Path(".env").write_text("\n".join(lines), encoding="utf-8")


def test_without_any_it_listens_on_loopback_port_8000() -> None:
    settings = Settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.config, settings.data) == (Path("langgraph.json"), Path(".seltzer"))


def test_an_argument_overrides_the_environment_and_that_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv("PORT=1001", "HOST=from-dotenv", "SELTZER_DATA=from-dotenv", "SELTZER_LOG_LEVEL=error")
    monkeypatch.setenv("PORT", "1002")
    monkeypatch.setenv("HOST", "from-environment")
    monkeypatch.setenv("SELTZER_DATA", "from-environment")

    settings = Settings(port=1003, data=Path("from-argument"))

    assert (settings.port, settings.data) == (1003, Path("from-argument"))
    assert settings.host == "from-environment"
    assert settings.log_level == "error"


@pytest.mark.parametrize(
    ("name", "field", "text", "value"),
    [
        ("HOST", "host", "0.0.0.0", "0.0.0.0"),
        ("PORT", "port", "0", 0),
        ("SELTZER_CONFIG", "config", "/x/langgraph.json", Path("/x/langgraph.json")),
        ("SELTZER_DATA", "data", "/x", Path("/x")),
        ("SELTZER_ACCESS_LOG", "access_log", "true", True),
        ("SELTZER_ALLOWED_HOSTS", "allowed_hosts", '["a.example", "b.example"]', ("a.example", "b.example")),
        ("SELTZER_ALLOWED_ORIGINS", "allowed_origins", '["https://a.example/"]', ("https://a.example",)),
        ("SELTZER_BODY_LIMIT_BYTES", "body_limit_bytes", "10", 10),
        ("SELTZER_ACCELERATE", "accelerate", "off", False),
        ("SELTZER_PING_S", "ping_s", "0.5", 0.5),
        ("SELTZER_STORE", "store", "sqlite", "sqlite"),
        ("SELTZER_DATABASE_POOL", "database_pool", "4", 4),
        ("seltzer_runs_limit", "runs_limit", "3", 3),
    ],
)
def test_the_environment_sets_each_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, field: str, text: str, value: object
) -> None:
    monkeypatch.setenv(name, text)

    assert getattr(Settings(), field) == value


@pytest.mark.parametrize("name", ["DATA", "CONFIG", "LOG_LEVEL"])
def test_the_servers_own_settings_have_a_prefix(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "error")

    assert Settings() == Settings(_env_file=None)
    assert "error" not in map(str, Settings().model_dump().values())


def test_an_empty_value_is_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")

    assert Settings().port == 8000


def test_strangers_in_dotenv_are_let_be() -> None:
    dotenv("OPENAI_API_KEY=sk-1", "SELTZER_UNHEARD_OF=1", "PORT=1001")

    assert Settings().port == 1001


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "http"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("SELTZER_LOG_LEVEL", "loud"),
        ("SELTZER_BODY_LIMIT_BYTES", "0"),
        ("SELTZER_BODY_TIMEOUT_S", "0"),
        ("SELTZER_JSON_DEPTH", "deep"),
        ("SELTZER_PING_S", "-5"),
        ("SELTZER_ACCESS_LOG", "perhaps"),
        ("SELTZER_STORE", "mysql"),
        ("SELTZER_DATABASE_POOL", "1"),
    ],
)
def test_a_bad_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)

    with pytest.raises(ValidationError) as refused:
        Settings()

    (error,) = refused.value.errors()
    assert str(error["loc"][0]).upper() in name


@pytest.mark.parametrize("name", URLS)
def test_the_database_is_set_by_each_of_its_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "postgresql://db.example/agents")

    url = Settings().database_url

    assert url is not None
    assert url.get_secret_value() == "postgresql://db.example/agents"


def test_the_first_of_the_databases_names_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in URLS:
        monkeypatch.setenv(name, f"postgresql://{name}.example")

    assert Settings() == Settings(database_url=SecretStr("postgresql://DATABASE_URL.example"))


def test_a_databases_password_is_in_no_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:s3cret@db.example")
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://ada:s3cret@db.example")

    settings = Settings()

    assert "s3cret" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


def test_settings_do_not_change() -> None:
    settings: Any = Settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


class TestApplyEnv:
    def test_a_mapping_is_put_into_the_environment_where_what_is_there_wins(
        self, monkeypatch: pytest.MonkeyPatch, forget: Forget, folder: Path
    ) -> None:
        forget("OURS_NEW")
        monkeypatch.setenv("OURS_SET", "kept")

        apply_env({"OURS_NEW": "declared", "OURS_SET": "declared"}, folder)

        assert _environment("OURS_NEW", "OURS_SET") == ["declared", "kept"]

    def test_so_is_a_file_beside_langgraph_json(
        self, monkeypatch: pytest.MonkeyPatch, forget: Forget, tmp_path: Path
    ) -> None:
        forget("OURS_NEW", "OURS_BARE")
        monkeypatch.setenv("OURS_SET", "kept")
        (tmp_path / "project").mkdir()
        (tmp_path / "project/my.env").write_text("OURS_NEW='declared'\nOURS_SET=declared\nOURS_BARE\n")

        apply_env("my.env", tmp_path / "project")

        assert _environment("OURS_NEW", "OURS_SET", "OURS_BARE") == ["declared", "kept", None]

    def test_a_file_that_is_not_there_declares_nothing(self, folder: Path) -> None:
        apply_env("missing.env", folder)

    @pytest.mark.parametrize("declared", [".env", {"OURS_NEW": "declared"}])
    def test_a_graph_sees_what_langgraph_json_declares(
        self, forget: Forget, folder: Path, declared: str | dict[str, str]
    ) -> None:
        forget("OURS_NEW")
        dotenv("OURS_NEW=declared")
        config = write_graphs(folder, {"agent": SOURCE})
        config.write_text(config.read_text().replace("{", '{"env": ' + _json(declared) + ", ", 1))

        graph = load_graphs(Settings(config=config)).graphs["agent"]

        assert graph.served.invoke("x") == "declared"


SOURCE = """
    import os
    from langchain_core.runnables import RunnableLambda

    TEXT = os.environ["OURS_NEW"]
    graph = RunnableLambda(lambda _: TEXT)
"""


def _environment(*names: str) -> list[str | None]:
    return [os.environ.get(name) for name in names]


def _json(value: object) -> str:
    return json.dumps(value)


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://shop.example.org", "https://shop.example.org"),
        (" HTTPS://Shop.Example.org/ ", "https://shop.example.org"),
        ("https://shop.example.org:443", "https://shop.example.org"),
        ("http://shop.example.org:443", "http://shop.example.org:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_compared_as_browsers_send_it(written: str, origin: str) -> None:
    assert Settings(allowed_origins=(written,)).allowed_origins == (origin,)


@pytest.mark.parametrize(
    "written",
    ["*", "null", "shop.example.org", "https://", "https://*.example.org", "https://a.example/shop"],
)
def test_what_is_no_origin_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match=r"https://shop\.example\.org"):
        Settings(allowed_origins=(written,))
