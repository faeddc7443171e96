"""The native routes by which a conversation is edited, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.patience import PATIENCE_S
from tests.protocols.following import all_events
from tests.protocols.native.test_threads import code_of, talk
from tests.serving import Served

THREADS = "/agent/threads"


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


def run(client: httpx.Client, thread_id: str, **body: Any) -> str:
    """Run once on the thread, to the end; return the run's id."""
    response = client.post("/agent/runs", json={"thread_id": thread_id, **body})
    assert response.status_code == 201, response.text
    run_id: str = response.json()["run_id"]
    assert all_events(client, f"/agent/runs/{run_id}/events")[-1].kind == "finished"
    return run_id


def look(client: httpx.Client, thread_id: str, **query: str) -> dict[str, Any]:
    response = client.get(f"{THREADS}/{thread_id}", params=query)
    assert response.status_code == 200, response.text
    thread: dict[str, Any] = response.json()
    return thread


def asked(thread: dict[str, Any]) -> list[str]:
    """Return what the person has said in the thread."""
    return [each["content"] for each in thread["values"]["messages"] if each["type"] == "human"]


class TestAgain:
    def test_the_last_question_is_answered_again(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "my name is Ada")
        talk(client, thread_id, "what is my name?")
        before = look(client, thread_id)

        again = run(client, thread_id)

        after = look(client, thread_id)
        assert asked(after) == ["my name is Ada", "what is my name?"]
        assert len(after["values"]["messages"]) == len(before["values"]["messages"])
        assert after["run_id"] == again
        earlier = look(client, thread_id, checkpoint_id=before["checkpoint_id"])
        assert earlier["values"] == before["values"] != after["values"]

    def test_a_question_is_asked_otherwise(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "my name is Ada")
        talk(client, thread_id, "what is my name?")
        before = look(client, thread_id)

        first = before["values"]["messages"][0]["id"]
        run(client, thread_id, input="my name is Grace", from_message=first)

        assert asked(look(client, thread_id)) == ["my name is Grace"]
        assert look(client, thread_id, checkpoint_id=before["checkpoint_id"])["values"] == before["values"]

    def test_an_earlier_question_is_answered_again(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "my name is Ada")
        talk(client, thread_id, "what is my name?")
        first_answer = look(client, thread_id)["values"]["messages"][1]["id"]

        run(client, thread_id, from_message=first_answer)

        assert asked(look(client, thread_id)) == ["my name is Ada"]

    def test_history_shows_where_turns_begin(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "one")
        talk(client, thread_id, "two")

        states = client.get(f"{THREADS}/{thread_id}/history", params={"limit": 100}).json()["checkpoints"]
        begins = [each for each in states if each["source"] == "input"]

        assert [asked(each) if each["values"] else [] for each in begins] == [["one"], []]
        run(client, thread_id, from_checkpoint=begins[1]["checkpoint_id"])
        assert asked(look(client, thread_id)) == ["one"]

    def test_history_can_leave_out_what_is_long(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "one")
        path = f"{THREADS}/{thread_id}/history"

        whole = client.get(path).json()["checkpoints"]
        short = client.get(path, params={"select": "checkpoint_id,source"}).json()["checkpoints"]

        assert short == [{name: each[name] for name in ("checkpoint_id", "source")} for each in whole]
        for wrong in ("", "value", "values,", "values,x"):
            refused = client.get(path, params={"select": wrong})
            assert code_of(refused) == (422, "invalid_input")
            assert refused.json()["detail"].startswith("select: ")

    @pytest.mark.parametrize("more", [{}, {"from_message": ""}, {"from_message": "", "input": "two"}])
    def test_a_repeated_request_runs_once(
        self, client: httpx.Client, thread_id: str, more: dict[str, Any]
    ) -> None:
        talk(client, thread_id, "one")
        if more:
            more = {**more, "from_message": look(client, thread_id)["values"]["messages"][0]["id"]}
        sent: dict[str, Any] = {
            "json": {"thread_id": thread_id, **more},
            "headers": {"idempotency-key": f"again-{thread_id}"},
        }

        first = client.post("/agent/runs", **sent).json()["run_id"]
        all_events(client, f"/agent/runs/{first}/events")

        assert client.post("/agent/runs", **sent).json()["run_id"] == first
        other = {**sent, "json": {**sent["json"], "input": "three"}}
        assert code_of(client.post("/agent/runs", **other)) == (409, "idempotency_conflict")

    @pytest.mark.parametrize(
        ("body", "status", "code", "field"),
        [
            ({}, 422, "invalid_input", "input"),
            ({"thread_id": "nobody-has-this"}, 404, "unknown_thread", ""),
            ({"thread_id": "{thread}", "from_message": "none"}, 422, "invalid_input", "from_message"),
            ({"thread_id": "{thread}", "from_message": ""}, 422, "invalid_input", "from_message"),
            ({"thread_id": "{thread}", "from_message": None}, 422, "invalid_input", "from_message"),
            ({"thread_id": "{thread}", "from_message": "x" * 257}, 422, "invalid_input", "from_message"),
            ({"from_message": "none", "input": "x"}, 422, "invalid_input", "thread_id"),
            (
                {"thread_id": "{thread}", "from_message": "x", "from_checkpoint": "x"},
                *(422, "invalid_input", "from_message"),
            ),
            ({"thread_id": "{thread}", "from_checkpoint": "none"}, 404, "unknown_checkpoint", ""),
            ({"thread_id": "{thread}", "on_busy": "rollback"}, 422, "invalid_input", "on_busy"),
            (
                {"thread_id": "{thread}", "from_checkpoint": "{newest}", "on_busy": "rollback"},
                *(422, "invalid_input", "on_busy"),
            ),
            ({"thread_id": "{thread}", "from_checkpoint": "{foreign}"}, 404, "unknown_checkpoint", ""),
            (
                {"thread_id": "{thread}", "from_checkpoint": "{newest}"},
                422,
                "invalid_input",
                "from_checkpoint",
            ),
        ],
    )
    def test_what_cannot_be_run_again_is_refused_and_changes_nothing(
        self, client: httpx.Client, thread_id: str, body: dict[str, Any], status: int, code: str, field: str
    ) -> None:
        talk(client, thread_id, "one")
        talk(client, f"{thread_id}-other", "two")
        before = look(client, thread_id)
        places = {
            "{thread}": thread_id,
            "{newest}": before["checkpoint_id"],
            "{foreign}": look(client, f"{thread_id}-other")["checkpoint_id"],
        }

        response = client.post("/agent/runs", json={k: places.get(v, v) for k, v in body.items()})

        assert code_of(response) == (status, code)
        assert response.json()["detail"].startswith(f"{field}: " if field else "")
        assert look(client, thread_id) == before

    @pytest.mark.parametrize(
        ("value", "status"), [("none", 404), ("", 422), ("a b", 422), ("{foreign}", 404)]
    )
    def test_a_state_that_is_not_there_is_not_shown(
        self, client: httpx.Client, thread_id: str, value: str, status: int
    ) -> None:
        talk(client, thread_id, "one")
        talk(client, f"{thread_id}-other", "two")
        foreign = look(client, f"{thread_id}-other")["checkpoint_id"]

        asked = {"checkpoint_id": value.replace("{foreign}", foreign)}
        assert client.get(f"{THREADS}/{thread_id}", params=asked).status_code == status


def update(client: httpx.Client, thread_id: str, **body: Any) -> httpx.Response:
    return client.post(f"{THREADS}/{thread_id}/state", json=body)


class TestBranches:
    def branches(self, client: httpx.Client, thread_id: str, **query: Any) -> list[dict[str, Any]]:
        response = client.get(f"{THREADS}/{thread_id}/branches", params=query)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["branches"]
        return found

    def test_a_conversation_that_was_never_edited_has_one(self, client: httpx.Client, thread_id: str) -> None:
        run_id = talk(client, thread_id, "one")
        thread = look(client, thread_id)

        [branch] = self.branches(client, thread_id)

        assert branch.pop("created_at").endswith("+00:00")
        assert branch == {
            "checkpoint_id": thread["checkpoint_id"],
            "forked_from": None,
            "run_id": run_id,
            "text": " ".join(thread["values"]["messages"][-1]["content"].split())[:200],
            "is_newest": True,
        }

    def test_each_edit_begins_one_that_can_be_continued(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "one")
        early = look(client, thread_id)
        talk(client, thread_id, "two")
        late = look(client, thread_id)
        run(client, thread_id, input="three", from_checkpoint=early["checkpoint_id"])

        newest, older = self.branches(client, thread_id)

        assert (newest["is_newest"], older["is_newest"]) == (True, False)
        assert newest["forked_from"] == older["forked_from"] == early["checkpoint_id"]
        assert older["checkpoint_id"] == late["checkpoint_id"]
        assert self.branches(client, thread_id, limit=1) == [newest]
        run(client, thread_id, input="four", from_checkpoint=older["checkpoint_id"])
        assert asked(look(client, thread_id)) == ["one", "two", "four"]
        assert len(self.branches(client, thread_id)) == 2

    def test_bad_questions_are_refused(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "one")
        path = f"{THREADS}/{thread_id}/branches"

        assert code_of(client.get(path, params={"limit": 0})) == (422, "invalid_input")
        assert code_of(client.get(path, params={"x": 1})) == (422, "invalid_input")
        assert code_of(client.get(f"{THREADS}/nobody-has-this/branches")) == (404, "unknown_thread")


class TestUpdate:
    def test_messages_are_removed_replaced_and_added(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "my name is Ada")
        talk(client, thread_id, "what is my name?")
        before = look(client, thread_id)
        first, second = before["values"]["messages"][0]["id"], before["values"]["messages"][-1]["id"]

        changes = [
            {"type": "remove", "id": first},
            {"role": "assistant", "id": second, "content": "Grace"},
            ["assistant", "Hopper"],
        ]
        updated = update(client, thread_id, values={"messages": changes})

        assert updated.status_code == 200, updated.text
        shown = [each["content"] for each in updated.json()["values"]["messages"]]
        assert shown[-2:] == ["Grace", "Hopper"]
        assert asked(updated.json()) == ["what is my name?"]
        assert look(client, thread_id) == updated.json()
        assert look(client, thread_id, checkpoint_id=before["checkpoint_id"])["values"] == before["values"]
        talk(client, thread_id, "go on")

    def test_an_earlier_state_becomes_the_newest_one_again(
        self, client: httpx.Client, thread_id: str
    ) -> None:
        talk(client, thread_id, "one")
        early = look(client, thread_id)
        talk(client, thread_id, "two")

        updated = update(client, thread_id, as_node="__copy__", checkpoint_id=early["checkpoint_id"])

        assert updated.status_code == 200, updated.text
        assert look(client, thread_id)["values"] == early["values"]
        talk(client, thread_id, "three")
        assert asked(look(client, thread_id)) == ["one", "three"]

    @pytest.mark.parametrize(
        ("body", "status", "field"),
        [
            ({}, 422, "values"),
            ({"values": None}, 422, "values"),
            ({"values": {"nothing": 1}}, 422, "values.nothing"),
            ({"values": {"messages": "hi"}}, 422, "values.messages"),
            ({"values": {"messages": [{"type": "remove", "id": "none"}]}}, 422, "values.messages.0.id"),
            ({"values": {"messages": [{"type": "remove"}]}}, 422, "values.messages.0.id"),
            ({"values": {"messages": [{"role": "remove", "id": 5}]}}, 422, "values.messages.0.id"),
            ({"values": {"messages": [["user", "a"], {"role": "nobody"}]}}, 422, "values.messages.1"),
            ({"values": {"messages": ["x"]}, "as_node": "nobody"}, 422, "as_node"),
            ({"values": {"messages": ["x"]}, "as_node": ""}, 422, "as_node"),
            ({"values": {"messages": ["x"]}, "as_node": "x" * 257}, 422, "as_node"),
            ({"values": {"messages": ["x"]}, "as_node": 5}, 422, "as_node"),
            ({"values": {"messages": ["x"]}, "as_node": "__copy__"}, 422, "values"),
            ({"values": {"messages": ["x"]}, "checkpoint_id": "a b"}, 422, "checkpoint_id"),
            ({"values": {"messages": ["x"]}, "checkpoint_id": None}, 422, "checkpoint_id"),
            ({"values": {"messages": ["x"]}, "checkpoint_id": "none"}, 404, ""),
            ({"as_node": "__copy__", "checkpoint_id": "none"}, 404, ""),
            ({"values": {"messages": ["x"]}, "node": "x"}, 422, "node"),
            ([], 422, "body"),
        ],
    )
    def test_what_is_not_accepted_is_refused_and_changes_nothing(
        self, client: httpx.Client, thread_id: str, body: Any, status: int, field: str
    ) -> None:
        talk(client, thread_id, "one")
        before = look(client, thread_id)

        response = client.post(f"{THREADS}/{thread_id}/state", json=body)

        assert response.status_code == status, response.text
        assert response.json()["detail"].startswith(f"{field}: " if field else "thread ")
        assert look(client, thread_id) == before

    def test_an_unknown_thread_is_not_updated(self, client: httpx.Client) -> None:
        response = update(client, "nobody-has-this", values={"messages": ["x"]})

        assert code_of(response) == (404, "unknown_thread")
        assert client.get(f"{THREADS}/nobody-has-this").status_code == 404


class TestWithdraw:
    def asked(self, client: httpx.Client, thread_id: str) -> str:
        body = {"input": "send an email to ada@example.org: hello", "thread_id": thread_id}
        run_id: str = client.post("/approval/runs", json=body).json()["run_id"]
        assert all_events(client, f"/approval/runs/{run_id}/events")[-1].kind == "interrupted"
        return run_id

    def test_the_thread_is_usable_again(self, client: httpx.Client, thread_id: str) -> None:
        run_id = self.asked(client, thread_id)

        withdrawn = client.post(f"/approval/runs/{run_id}/withdraw")

        assert (withdrawn.status_code, withdrawn.json()["status"]) == (201, "cancelled")
        assert client.get(withdrawn.headers["location"]).json() == withdrawn.json()
        thread = client.get(f"/approval/threads/{thread_id}").json()
        assert (thread["status"], thread["interrupts"], thread["next"]) == ("idle", [], [])
        talk(client, thread_id, "what is 1 + 1?", graph="approval")

    def test_it_is_withdrawn_once_and_not_answered_any_more(
        self, client: httpx.Client, thread_id: str
    ) -> None:
        run_id = self.asked(client, thread_id)
        client.post(f"/approval/runs/{run_id}/withdraw", json={})

        again = client.post(f"/approval/runs/{run_id}/withdraw")
        answered = client.post(f"/approval/runs/{run_id}/resume", json={"resume": "yes"})

        assert code_of(again) == code_of(answered) == (409, "not_interrupted")

    def test_what_asks_nothing_has_nothing_to_withdraw(self, client: httpx.Client, thread_id: str) -> None:
        run_id = talk(client, thread_id, "hello")
        before = look(client, thread_id)

        assert code_of(client.post(f"/agent/runs/{run_id}/withdraw")) == (409, "not_interrupted")
        assert code_of(client.post("/agent/runs/none/withdraw")) == (404, "unknown_run")
        assert code_of(client.post(f"/llm/runs/{run_id}/withdraw")) == (404, "unknown_run")
        assert code_of(client.post(f"/agent/runs/{run_id}/withdraw", json={"x": 1}))[0] == 422
        assert look(client, thread_id) == before

    def test_an_open_question_is_not_lost_by_an_update(self, client: httpx.Client, thread_id: str) -> None:
        self.asked(client, thread_id)

        refused = client.post(f"/approval/threads/{thread_id}/state", json={"values": {"messages": ["x"]}})

        assert code_of(refused) == (409, "thread_interrupted")
        assert client.get(f"/approval/threads/{thread_id}").json()["interrupts"]


class TestStorage:
    def test_what_a_thread_takes_is_shown_by_kind(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "one")

        taken = client.get(f"{THREADS}/{thread_id}/storage").json()

        sizes = {name: size for name, size in taken.items() if name.endswith("_bytes")}
        assert taken["thread_id"] == thread_id
        assert (taken["runs"], taken["checkpoints"] > 1) == (1, True)
        assert sizes.pop("total_bytes") == sum(sizes.values())
        assert set(sizes) == {"states_bytes", "messages_bytes", "runs_bytes", "events_bytes"}

    def test_threads_that_are_not_there_are_unknown(self, client: httpx.Client, thread_id: str) -> None:
        talk(client, thread_id, "one")
        client.delete(f"{THREADS}/{thread_id}")

        for each in (thread_id, "nobody-has-this"):
            assert code_of(client.get(f"{THREADS}/{each}/storage")) == (404, "unknown_thread")
