"""The statements that a gateway runs, by its HTTP API."""
import base64
import json
import threading
import urllib.request


class Running:
    def __init__(self, http, user, key):
        login = base64.b64encode(f"{user}:{key}".encode()).decode()
        self.request = urllib.request.Request(f"http://{http}/api/v1/queries", headers={"authorization": f"Basic {login}"})

    def ids(self):
        with urllib.request.urlopen(self.request) as answer:
            return {each["id"] for each in json.load(answer)["queries"] if each["state"] == "running"}

    def cancel_next(self, cancel):
        """Cancels once the gateway runs a statement more. Returns a function that waits for it, to be called when the call has ended."""
        before, ended = self.ids(), threading.Event()

        def wait():
            while not ended.wait(0.05):
                if self.ids() - before:
                    # Clients that poll are then in a call that waits, most likely.
                    ended.wait(0.3)
                    return cancel()

        thread = threading.Thread(target=wait)
        thread.start()

        def end():
            ended.set()
            thread.join()

        return end
