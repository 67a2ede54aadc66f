"""The webhook receiver, over real HTTP."""

from __future__ import annotations

import httpx
import pytest

from deploy.check.receiver import WebhookReceiver


def _call(url: str, key: str) -> int:
    return httpx.post(url, content=b"{}", headers={"webhook-id": key}, trust_env=False).status_code


def test_it_keeps_what_comes() -> None:
    with WebhookReceiver(1, refused=0, cut=0) as receiver:
        answer = httpx.post(
            receiver.url,
            content=b'{"type":"case.opened"}',
            headers={
                "webhook-id": "w1",
                "webhook-timestamp": "1",
                "webhook-signature": "v1,x",
            },
            trust_env=False,
        )
        assert answer.status_code == 204
        (call,) = receiver.calls
    assert (call.webhook_id, call.timestamp, call.signature) == ("w1", "1", "v1,x")
    assert call.body == b'{"type":"case.opened"}'
    assert call.answered == 204


def test_a_refused_call_says_when_to_come_again_and_its_repeat_is_taken() -> None:
    with WebhookReceiver(1, refused=1, cut=0) as receiver:
        first = httpx.post(receiver.url, headers={"webhook-id": "w1"}, trust_env=False)
        assert first.status_code == 503
        assert first.headers["retry-after"] == "1"
        assert _call(receiver.url, "w1") == 204
        assert [call.answered for call in receiver.calls] == [503, 204]


def test_a_cut_call_is_taken_without_an_answer() -> None:
    with WebhookReceiver(1, refused=0, cut=1) as receiver:
        with pytest.raises(httpx.TransportError):
            _call(receiver.url, "w1")
        assert _call(receiver.url, "w1") == 204
        assert [call.answered for call in receiver.calls] == [0, 204]
