// The four ways. Each is started with the page's name and these functions, and returns a function that stops it:
//
// - `arrived(id, data)` for each event, as it arrives,
// - `answered(events)` for each answer to a request,
// - `state(state, text)` when the connection changes.

// Polling: asks, and asks again after the interval. `wait` waits for it.
export const polling = (name, lane, wait) => ask("/compare/poll", name, lane, async () => {
  lane.state("open", "waits until it asks again");
  await wait();
});

// Long polling: asks again at once, and the server waits.
export const longPolling = (name, lane) => ask("/compare/long-poll", name, lane, async () => {
  lane.state("open", "a request waits at the server");
});

function ask(path, name, lane, pause) {
  const controller = new AbortController();
  const { signal } = controller;
  (async () => {
    let id = "";
    while (!signal.aborted) {
      try {
        const query = new URLSearchParams({ page: name, lastEventId: id });
        const response = await fetch(`${path}?${query}`, { signal });
        if (!response.ok) throw new Error(response.status);
        const events = await response.json();
        if (signal.aborted) return;
        const messages = events.filter(({ event }) => event === "message");
        for (const { id, data } of messages) lane.arrived(id, data);
        lane.answered(messages.length);
        for (const event of events) id = event.id || id;
        await pause();
      } catch {
        if (signal.aborted) return;
        lane.state("lost", "lost; asks again in a second");
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
  })();
  return () => controller.abort();
}

// Server-Sent Events: the browser does the rest.
export function events(name, lane) {
  let source;
  let timer;
  let id = "";
  function connect() {
    const query = new URLSearchParams({ page: name, lastEventId: id });
    source = new EventSource(`/compare/events?${query}`);
    source.onopen = () => lane.state("open", "open");
    source.onmessage = ({ lastEventId, data }) => {
      id = lastEventId;
      lane.arrived(id, data);
    };
    source.onerror = () => {
      lane.state("lost", "lost; the browser comes back by itself");
      // After an error status, it does not.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, 2000);
    };
  }
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

// WebSocket: a plain one. Coming back, and asking for what was missed, would be the page's business.
export function socket(name, lane) {
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/compare/socket?page=${name}`);
  socket.onopen = () => lane.state("open", "open");
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    lane.arrived(message.id, message.data);
  };
  socket.onclose = () => lane.state("closed", "closed until you reconnect it");
  return () => {
    socket.onclose = null;
    socket.close();
  };
}
