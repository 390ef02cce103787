"""Calls every method of the Python client against a gateway, and prints what it got as JSON."""

import faulthandler
import json
import sys
import threading

# A call that never returns shows where it stands.
faulthandler.dump_traceback_later(60, exit=True)
sys.path.insert(0, sys.argv[2])

from freshet import Freshet, FreshetError  # noqa: E402

freshet = Freshet(sys.argv[1], source="python-client", timeout=20, pause=0.05, batch=3)
user = f"py thon/ü {sys.version_info.minor}"
got = {}

got["published"] = freshet.publish("user.viewed.v1", user, {"item": "a"})
events = [freshet.event("user.viewed.v1", user, {"item": item}) for item in "cdcd"]
events.append(freshet.event("user.viewed.v1", user, {}))
got["batch"] = freshet.publish_all(events)
try:
    freshet.publish("user.rated.v1", user, {"item": "a", "value": "much"})
except FreshetError as error:
    got["refused"] = {"status": error.status, "code": error.code}
try:
    freshet.item("none")
except FreshetError as error:
    got["unknown"] = {"status": error.status, "code": error.code, "text": str(error)}

seq = got["batch"]["seq"]
page = freshet.recommend(user, n=2, min_seq=seq, timeout_ms=10000, exclude=["d"], filter={"tags": "shape"})
got["page"] = page
got["anonymous"] = freshet.recommend(history=["a"], n=1)
got["many"] = freshet.recommend_many([user, "nobody"], n=1, fields=["title"])
got["by_id"] = freshet.items(ids=["a", "none"])
got["similar"] = freshet.similar("a", n=1, filter={"tags": "shape"}, explain=True)
got["trending"] = freshet.trending(n=1)
got["shelves"] = freshet.shelves("nobody", rows=2, n=2)
got["rendered"] = freshet.rendered(page)
got["clicked"] = freshet.clicked(page, page["items"][0]["item"])
got["dismissed"] = freshet.dismissed(page, page["items"][0]["item"])
got["profile"] = freshet.user(user, min_seq=seq, timeout_ms=10000)
got["history"] = [one["item"] for one in freshet.history(user, n=2, min_seq=seq, timeout_ms=10000)]
got["item"] = freshet.item("a")
got["items"] = freshet.items(tag="shape", n=2)
search = {"fields": ["title"], "filter": {"tags": "shape"}, "withdrawn": False, "n": 2}
got["search"] = freshet.search("title of", user=user, min_seq=seq, timeout_ms=10000, **search)
got["feedback"] = freshet.feedback()

# A list that moves: the second one comes because of an event of another thread, with a connection of its own.
watcher = f"watcher {sys.version_info.minor}"
freshet.publish("user.viewed.v1", watcher, {"item": "a"})
lists = freshet.watch(watcher, n=3)
first = next(lists)
while first["source"] != "model":
    first = next(lists)
other = threading.Thread(target=lambda: freshet.publish("user.purchased.v1", watcher, {"item": "b"}))
other.start()
second = next(lists)
while second["seq"] <= first["seq"]:
    second = next(lists)
lists.close()
other.join()
got["watched"] = [first, second]

got["erasure"] = freshet.erasure(freshet.forget(user))
freshet.close()
print(json.dumps(got))
