"""A client for Freshet over HTTP: publishes events, requests lists, reports what users do with them.

One file without dependencies, for Python 3.9 and newer: copy it into your application.

    from freshet import Freshet

    freshet = Freshet("http://127.0.0.1:8080", source="shop")
    seq = freshet.publish("user.viewed.v1", "u42", {"item": "i7"})
    page = freshet.recommend("u42", n=10, min_seq=seq)
    freshet.rendered(page)
    freshet.clicked(page, page["items"][0]["item"])

Methods raise FreshetError for an error that the gateway answered, and OSError if they cannot reach it. Threads may share
a client: each has a connection of its own.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time as clock
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, TypedDict, Union, cast
from urllib.parse import quote, urlencode, urlsplit

__all__ = [
    "Accepted",
    "Event",
    "FoundItem",
    "FoundItems",
    "Freshet",
    "FreshetError",
    "HistoryEvent",
    "RankedItem",
    "Ranking",
    "Reason",
    "Rejected",
    "Shelf",
    "Shelves",
]

Json = Dict[str, Any]
Query = Mapping[str, Any]


class Event(TypedDict, total=False):
    """A CloudEvent. `type`, `subject` and `data` are required; the client adds the rest."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    data: Mapping[str, Any]


class Rejected(TypedDict):
    """An event that the log can never accept, by its place in the request."""

    index: int
    id: str
    code: str
    message: str


class Accepted(TypedDict):
    """What became of events. `seq`: the highest position of them in the log, for `min_seq`; None: none is there."""

    accepted: int
    duplicates: int
    rejected: List[Rejected]
    seq: Optional[int]


class Reason(TypedDict, total=False):
    """A term of a score. The terms add up to the score."""

    signal: str
    contribution: float


class RankedItem(TypedDict, total=False):
    item: str
    score: float
    fields: Json
    propensity: float
    explored: bool
    reasons: List[Reason]


class Ranking(TypedDict, total=False):
    """A list. `list` is its id, `seq` the position of the log that it was computed at, `next` the cursor behind it."""

    user: str
    item: str
    list: str
    items: List[RankedItem]
    snapshot: str
    seq: int
    behind: int
    config: str
    source: str
    arm: str
    next: Optional[str]
    stored: bool
    warnings: List[Json]


class Shelf(TypedDict, total=False):
    """A row. `kind` is for-you, because (`of` an item), new or trending."""

    kind: str
    of: str
    title: str
    list: str
    items: List[RankedItem]
    source: str


class Shelves(TypedDict, total=False):
    user: str
    shelves: List[Shelf]
    seq: int
    behind: int


class FoundItem(TypedDict, total=False):
    item: str
    score: float
    available: bool
    fields: Json


class FoundItems(TypedDict, total=False):
    """What a search found. `order` is text, or user if the engine ranked the items for a user; `more`: more items match."""

    items: List[FoundItem]
    order: str
    more: bool
    complete: bool
    seq: int
    warnings: List[Json]


class HistoryEvent(TypedDict, total=False):
    id: str
    type: str
    item: str
    value: float
    time: str
    seq: int


class FreshetError(Exception):
    """An error that the gateway answered: a problem document (RFC 9457).

    `status` is the HTTP status, `code` a stable code for programs, `problem` the whole document.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: Optional[float] = None) -> None:
        self.status = status
        self.code = str(problem.get("code", f"HTTP_{status}"))
        self.problem = problem
        self.retry_after = retry_after
        detail = str(problem.get("detail", f"The gateway answered with status {status}."))
        following = problem.get("next")
        super().__init__(f"{self.code}: {detail}" + (f" Next: {following}" if following else ""))


class Freshet:
    """A client of one gateway.

    url: address of the gateway, a path included, if it is behind a prefix.
    source: source of the events. Source and id identify an event.
    key: an API key.
    timeout: seconds until a request counts as failed.
    retries: how often the client sends an event again whose fate is unknown, or that the gateway cannot take now. It
        keeps the id, so the event counts once.
    pause: seconds before the first repetition; each further one waits twice as long, or as long as the gateway says.
    batch: most events in one request (the gateway's own limit is 10,000).
    """

    def __init__(
        self,
        url: str,
        source: str,
        key: Optional[str] = None,
        timeout: float = 10.0,
        retries: int = 5,
        pause: float = 0.5,
        batch: int = 1000,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"The address {url!r} is no http:// or https:// address of a gateway.")
        self._host = parts.hostname
        self._port = parts.port
        self._tls = parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        self._source = source
        self._key = key
        self._timeout = timeout
        self._retries = retries
        self._pause = pause
        self._batch = batch
        self._own = threading.local()

    # Events

    def publish(
        self,
        type: str,
        subject: str,
        data: Mapping[str, Any],
        id: Optional[str] = None,
        time: Optional[str] = None,
    ) -> int:
        """Publishes an event, and returns its position in the log once the log holds it.

        Raises FreshetError for an event that the log cannot accept; its code is that of the problem.
        """
        answer = self.publish_all([self.event(type, subject, data, id, time)])
        if answer["rejected"]:
            rejected = answer["rejected"][0]
            raise FreshetError(400, {"code": rejected["code"], "detail": rejected["message"]})
        return cast(int, answer["seq"])

    def event(
        self,
        type: str,
        subject: str,
        data: Mapping[str, Any],
        id: Optional[str] = None,
        time: Optional[str] = None,
    ) -> Event:
        """An event for `publish_all`, with an id and a time if they are left out."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "specversion": "1.0",
            "id": id or str(uuid.uuid4()),
            "source": self._source,
            "type": type,
            "subject": subject,
            "time": time or now,
            "data": data,
        }

    def publish_all(self, events: Sequence[Event]) -> Accepted:
        """Publishes events in batches. Rejected ones are in the answer, by their place in `events`."""
        total: Accepted = {"accepted": 0, "duplicates": 0, "rejected": [], "seq": None}
        for start in range(0, len(events), self._batch):
            answer = self._publish_batch(list(events[start : start + self._batch]))
            total["accepted"] += answer.get("accepted", 0)
            total["duplicates"] += answer.get("duplicates", 0)
            for rejected in answer.get("rejected", []):
                total["rejected"].append(cast(Rejected, {**rejected, "index": rejected["index"] + start}))
            seq = answer.get("seq")
            if seq is not None:
                total["seq"] = max(seq, total["seq"] or 0)
        return total

    def _publish_batch(self, events: List[Event]) -> Json:
        pause = self._pause
        for attempt in range(self._retries + 1):
            try:
                return self._send("POST", "/v1/events", events, "application/cloudevents-batch+json")
            except FreshetError as error:
                # None of the events was accepted, and each has its problem.
                if error.status == 400 and "rejected" in error.problem:
                    return dict(error.problem)
                if error.status not in (429, 502, 503, 504) or attempt == self._retries:
                    raise
                wait = error.retry_after if error.retry_after is not None else pause
            except (OSError, http.client.HTTPException):
                # Unknown: the log may hold them.
                if attempt == self._retries:
                    raise
                wait = pause
            clock.sleep(wait * random.uniform(0.8, 1.2))
            pause *= 2
        raise AssertionError("not reached")

    # Lists

    def recommend(self, user: Optional[str] = None, **options: Any) -> Ranking:
        """A list for a user, or for `history=[...]` without one.

        Options are the members of `POST /v1/recommendations`: n, min_seq, max_age_ms, exclude, filter, boosts,
        diversity, quotas, candidates, context, explain, fields, cursor and others.
        """
        body = {**({} if user is None else {"user": user}), **options}
        return cast(Ranking, self._send("POST", "/v1/recommendations", body))

    def recommend_many(self, users: Sequence[str], **options: Any) -> List[Json]:
        """Lists for many users, in their order: each has `user`, and `ranking` or the `problem` of its own."""
        answer = self._send("POST", "/v1/recommendations/batch", {"users": list(users), **options})
        return cast(List[Json], answer["answers"])

    def similar(self, item: str, n: int = 10, **query: Any) -> Ranking:
        """Items that are similar to an item. Query: explain, filter, min_seq, timeout_ms."""
        return cast(Ranking, self._get(f"/v1/items/{_path(item)}/similar", {"n": n, **query}))

    def trending(self, n: int = 10, **query: Any) -> Ranking:
        """What many users take now. Query: filter, segment, min_seq, timeout_ms."""
        return cast(Ranking, self._get("/v1/trending", {"n": n, **query}))

    def shelves(self, user: str, **query: Any) -> Shelves:
        """Several lists for a page of a user. Query: n, rows, exclude, filter, min_seq, timeout_ms."""
        return cast(Shelves, self._get(f"/v1/users/{_path(user)}/shelves", query))

    def watch(self, user: str, n: int = 10, silence: float = 45.0) -> Iterator[Ranking]:
        """Yields the list of a user, and again whenever it changes, until the caller stops.

        Connects again after a break, or after `silence` seconds without a sign of the gateway, which sends one every 15
        s (http.stream_heartbeat_ms).
        """
        last: Optional[str] = None
        while True:
            connection = self._connect(silence)
            try:
                headers = {} if last is None else {"Last-Event-ID": last}
                path = f"/v1/users/{_path(user)}/recommendations/stream?n={n}"
                connection.request("GET", self._prefix + path, headers=self._headers(headers))
                response = connection.getresponse()
                if response.status != 200:
                    raise _error(response, response.read())
                for id, name, data in _events(response):
                    last = id or last
                    if name == "ranking":
                        yield cast(Ranking, json.loads(data))
            except FreshetError as error:
                # An invalid request stays invalid.
                if error.status < 429 and error.status != 408:
                    raise
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            clock.sleep(self._pause)

    # What users do with a list

    def rendered(self, page: Ranking, user: Optional[str] = None, arm: Optional[str] = None) -> int:
        """Reports that the application shows the list. Freshet counts a list once."""
        members = ("item", "score", "propensity", "explored")
        shown = [{key: one[key] for key in members if key in one} for one in cast(List[Json], page["items"])]
        data = {
            "list": page["list"],
            "items": shown,
            "snapshot": page["snapshot"],
            "config": page["config"],
            "arm": arm or page.get("arm", "main"),
        }
        return self.publish("feedback.served.v1", _user(page, user), data)

    def clicked(self, page: Ranking, item: str, user: Optional[str] = None) -> int:
        """Reports that the user chose an item of the list."""
        return self._react("feedback.clicked.v1", page, item, user)

    def dismissed(self, page: Ranking, item: str, user: Optional[str] = None) -> int:
        """Reports that the user does not want an item of the list."""
        return self._react("feedback.dismissed.v1", page, item, user)

    def _react(self, type: str, page: Ranking, item: str, user: Optional[str]) -> int:
        data: Json = {"item": item, "list": page["list"]}
        for position, one in enumerate(page["items"]):
            if one["item"] == item:
                data["position"] = position
                break
        return self.publish(type, _user(page, user), data)

    # Users and items

    def user(self, user: str, **query: Any) -> Json:
        """Profile and traits of a user. Raises FreshetError with status 404 for a user never seen."""
        return self._get(f"/v1/users/{_path(user)}", query)

    def history(self, user: str, n: int = 100, **query: Any) -> Iterator[HistoryEvent]:
        """All interactions of a user, the newest first, `n` in each request."""
        before: Optional[int] = None
        while True:
            page = self._get(f"/v1/users/{_path(user)}/history", {"n": n, "before": before, **query})
            yield from cast(List[HistoryEvent], page["events"])
            before = page["next"]
            if before is None:
                return

    def forget(self, user: str) -> str:
        """Begins to forget a user, and returns the id of the erasure."""
        return str(self._send("DELETE", f"/v1/users/{_path(user)}")["erasure"])

    def erasure(self, erasure: str) -> Json:
        """How far an erasure is, by service."""
        return self._get(f"/v1/erasures/{_path(erasure)}", {})

    def item(self, item: str, **query: Any) -> Json:
        """An item of the catalogue. Raises FreshetError with status 404 for an unknown one."""
        return self._get(f"/v1/items/{_path(item)}", query)

    def items(self, **query: Any) -> Json:
        """A page of the catalogue. Query: tag, ids (a list), n, cursor, min_seq, timeout_ms."""
        return self._get("/v1/items", query)

    def search(self, q: str, user: Optional[str] = None, **query: Any) -> FoundItems:
        """Items whose titles, tags and attributes have all words of `q`, the last one also as the beginning of a word.

        With `user` the engine ranks the best of them for that user. Query: tag, filter, fields, withdrawn, n, min_seq,
        timeout_ms.
        """
        return cast(FoundItems, self._get("/v1/items", {"q": q, "user": user, **query}))

    def feedback(self) -> Json:
        """Click-through and conversion by snapshot, arm and position, and the quality of lists."""
        return self._get("/v1/feedback/summary", {})

    def close(self) -> None:
        """Closes the connection of this thread."""
        connection = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()
            self._own.connection = None

    # HTTP

    def _headers(self, more: Mapping[str, str]) -> Dict[str, str]:
        key = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
        return {"Accept": "application/json", **key, **more}

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _get(self, path: str, query: Query) -> Json:
        given = {key: _text(value) for key, value in query.items() if value is not None}
        return self._send("GET", path + (f"?{urlencode(given, doseq=True)}" if given else ""))

    def _send(self, method: str, path: str, body: Any = None, type: str = "application/json") -> Json:
        payload = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = self._headers({} if payload is None else {"Content-Type": type})
        connection = getattr(self._own, "connection", None)
        kept = connection is not None
        while True:
            if connection is None:
                connection = self._connect(self._timeout)
                self._own.connection = connection
            try:
                connection.request(method, self._prefix + path, payload, headers)
                response = connection.getresponse()
                content = response.read()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                # The gateway closes a connection that was idle for long, which shows only at the next request. Nothing
                # but an event changes anything, and an event has an id.
                if not kept:
                    raise
                connection, kept = None, False
            except BaseException:
                self.close()
                raise
        if response.status >= 400:
            raise _error(response, content)
        return cast(Json, json.loads(content))


def _error(response: http.client.HTTPResponse, content: bytes) -> FreshetError:
    try:
        problem = json.loads(content)
    except ValueError:
        problem = {}
    after = response.getheader("Retry-After", "")
    return FreshetError(
        response.status,
        problem if isinstance(problem, dict) else {},
        float(after) if after.isdigit() else None,
    )


def _path(id: str) -> str:
    return quote(id, safe="")


def _text(value: Any) -> Union[str, List[str]]:
    """A value of a query: a filter as JSON, a list as repeated parameters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value)
    if isinstance(value, (list, tuple)):
        return [str(one) for one in value]
    return str(value)


def _user(page: Ranking, given: Optional[str]) -> str:
    found = given or page.get("user")
    if found is None:
        raise ValueError("The list names no user. Pass the id of the user.")
    return found


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[Optional[str], str, str]]:
    """Server-sent events: id, name and data."""
    id: Optional[str] = None
    name = "message"
    data: List[str] = []
    for raw in response:
        line = raw.decode().rstrip("\r\n")
        if line == "":
            if data:
                yield id, name, "\n".join(data)
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "id":
            id = value
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
