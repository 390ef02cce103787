"""Publishes a view, requests a list that includes it, and reports the list as shown, with nats-py and nothing else.

    pip install nats-py
    python examples/python/recommend.py nats://127.0.0.1:4222 u42 shelley-frankenstein
"""

import asyncio
import json
import sys
import uuid
from datetime import datetime, timezone

import nats

SOURCE = "python-example"


def token(entity: str) -> str:
    """Encodes an id for a subject: [A-Za-z0-9_-] stay, every other byte becomes =HH."""
    return "".join(
        chr(byte) if chr(byte).isascii() and (chr(byte).isalnum() or byte in b"_-") else f"={byte:02X}"
        for byte in entity.encode()
    )


async def publish(jetstream, kind: str, subject: str, data: dict, event_id: str | None = None) -> int:
    """Publishes a CloudEvent and returns its position in the log.

    Source and id identify an event, so a caller may safely publish it again under the same id.
    """
    event_id = event_id or str(uuid.uuid4())
    context, verb = kind.split(".")
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": f"{kind}.v1",
        "subject": subject,
        "time": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    ack = await jetstream.publish(
        f"ev.{context}.{token(subject)}.{verb}",
        json.dumps(event).encode(),
        headers={"Nats-Msg-Id": f"{SOURCE}/{event_id}"},
    )
    return ack.seq


async def ask(client, subject: str, **request) -> dict:
    """Sends a request to a service. Raises RuntimeError with the stable code of the problem document."""
    answer = await client.request(subject, json.dumps(request).encode(), timeout=10)
    body = json.loads(answer.data)
    if answer.headers and answer.headers.get("Nats-Service-Error-Code"):
        raise RuntimeError(f"{body['code']}: {body['detail']}")
    return body


async def main(url: str, user: str, item: str) -> None:
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        seq = await publish(jetstream, "user.viewed", user, {"item": item})
        ranking = await ask(client, "freshet.engine.recommend", user=user, n=5, min_seq=seq, timeout_ms=5000)
        print(json.dumps({"seq": seq, "ranking": ranking}))
        # Report the list as shown, and a click on its first item.
        reported = ("item", "score", "propensity", "explored")
        shown = [{name: one[name] for name in reported if name in one} for one in ranking["items"]]
        served = {name: ranking[name] for name in ("list", "snapshot", "config", "arm")} | {"items": shown}
        await publish(jetstream, "feedback.served", user, served)
        if shown:
            clicked = {"item": shown[0]["item"], "list": ranking["list"], "position": 0}
            seq = await publish(jetstream, "feedback.clicked", user, clicked)
        summary = await ask(client, "freshet.feedback.summary", min_seq=seq, timeout_ms=5000)
        print(json.dumps({"total": summary["total"]}))
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
