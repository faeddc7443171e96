"""DATABASE_URL in the spellings that people have, and never its password in a text."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from seltzer.errors import LoadError
from seltzer.stores.postgres.connections.address import parse

SECRET = "s3cr%40t"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://ada@db.example:5433/agents", "db.example:5433/agents as ada"),
        ("postgres://db.example/agents", "db.example/agents"),
        ("postgresql+psycopg://ada:pw@db.example/agents", "db.example/agents as ada"),
        ("postgresql+asyncpg://db.example", "db.example"),
        (" POSTGRES://db.example/agents\n", "db.example/agents"),
        ("postgresql:///agents?host=/run/postgresql", "/run/postgresql/agents"),
        ("postgresql://", "the local socket"),
        ("host=db.example port=5433 dbname=agents user=ada password=pw", "db.example:5433/agents as ada"),
        ("postgresql://a.example,b.example:5433/agents", "a.example,b.example:,5433/agents"),
    ],
)
def test_an_address_is_taken_in_any_spelling(url: str, place: str) -> None:
    assert str(parse(url)) == place


def test_what_the_url_sets_wins() -> None:
    conninfo = parse("postgresql://db.example/agents?connect_timeout=9&application_name=mine").conninfo

    assert "connect_timeout=9" in conninfo
    assert "application_name=mine" in conninfo
    assert "tcp_user_timeout" in conninfo


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://one.example/agents", None),
        ("postgresql://one.example,two.example:5433/agents", "read-write"),
        ("postgresql://one.example,two.example/agents?target_session_attrs=any", "any"),
    ],
)
def test_of_several_servers_the_primary_is_meant(url: str, wanted: str | None) -> None:
    assert conninfo_to_dict(parse(url).conninfo).get("target_session_attrs") == wanted


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ada:{SECRET}@db.example/agents?no_such_option=1",
        f"postgresql://ada:{SECRET}@db.example:port/agents?x",
        f"postgresql://ada:{SECRET}@[db.example/agents",
        f"host=db.example password={SECRET} nonsense",
        f'"postgresql://ada:{SECRET}@db.example/agents"',
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(LoadError) as refused:
        parse(url, "DATABASE_DIRECT_URL")

    assert "DATABASE_DIRECT_URL can't be used" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_the_password_is_in_no_text_of_an_address() -> None:
    address = parse(f"postgresql://ada:{SECRET}@db.example/agents")

    assert "s3cr" not in f"{address} {address!r}"
