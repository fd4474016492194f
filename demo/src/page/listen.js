// Listens to a stream of events from the last event ID on, through all reconnections: by `EventSource` or, where there is
// none, by long polling. Returns a function that stops it.
//
// `onEvent` gets each event as `{ event, id, data }`, and `onState` gets "connecting", "open" or "lost".
export function listen({ stream, poll, lastEventId, types, onEvent, onState }) {
  return window.EventSource
    ? listenByStream(stream, lastEventId, types, onEvent, onState)
    : listenByPolling(poll, lastEventId, onEvent, onState);
}

const controlTypes = ["connected", "hub:hello", "hub:at", "hub:gap", "hub:end"];

const withId = (url, id) => id ? `${url}${url.includes("?") ? "&" : "?"}lastEventId=${encodeURIComponent(id)}` : url;

function listenByStream(url, id, types, onEvent, onState) {
  let source;
  let timer;
  function connect() {
    onState("connecting");
    source = new EventSource(withId(url, id));
    source.onopen = () => onState("open");
    source.onerror = () => {
      onState("lost");
      // An error status ends an `EventSource` for good. From other errors, it comes back by itself.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, 2000);
    };
    for (const type of [...types, ...controlTypes]) {
      source.addEventListener(type, ({ data, lastEventId }) => {
        id = lastEventId || id;
        onEvent({ event: type, id: lastEventId, data });
      });
    }
  }
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

function listenByPolling(url, id, onEvent, onState) {
  const controller = new AbortController();
  const { signal } = controller;
  (async () => {
    onState("connecting");
    while (!signal.aborted) {
      // A request that has not failed by now waits at the server.
      const waits = setTimeout(() => onState("open"), 1000);
      let pause = 0;
      try {
        const response = await fetch(withId(url, id), { signal });
        if (!response.ok) throw new Error(response.status);
        const events = await response.json();
        if (signal.aborted) return;
        onState("open");
        for (const event of events) {
          id = event.id || id;
          onEvent(event);
          // The server stops.
          if (event.event === "hub:end") pause = 2000;
        }
      } catch {
        if (signal.aborted) return;
        onState("lost");
        pause = 2000;
      } finally {
        clearTimeout(waits);
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  })();
  return () => controller.abort();
}
