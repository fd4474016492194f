const at = (id) => document.getElementById(id);
const states = ["connecting", "open", "closed"];
const shown = 100;

let lastId = 0;
let received = 0;
let missed = 0;

const source = new EventSource("events");

function showState() {
  const state = states[source.readyState];
  at("state").textContent = state;
  at("state").dataset.state = state;
  at("drop").disabled = source.readyState !== EventSource.OPEN;
}

function log(...parts) {
  const line = document.createElement("li");
  for (const [name, text] of parts) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    line.append(part);
  }
  at("log").prepend(line);
  while (at("log").childElementCount > shown) {
    at("log").lastElementChild.remove();
  }
}

source.addEventListener("open", () => {
  showState();
  log(["note", lastId ? `reconnected with last event ID ${lastId}` : "connected"]);
});

source.addEventListener("error", () => {
  showState();
  log(["note", source.readyState === EventSource.CLOSED
    ? "closed for good: reload the page to reconnect"
    : "connection lost; the browser will reconnect"]);
});

source.addEventListener("ping", (event) => {
  const id = Number(event.lastEventId);
  // A restarted server counts from 1 again.
  if (lastId && id > lastId + 1) {
    missed += id - lastId - 1;
  }
  lastId = id;
  received += 1;
  at("clock").textContent = new Date(JSON.parse(event.data).time).toLocaleTimeString();
  at("last-event-id").textContent = event.lastEventId;
  at("received").textContent = received;
  at("missed").textContent = missed;
  log(["id", event.lastEventId], ["type", event.type], ["data", event.data]);
});

at("drop").addEventListener("click", () => fetch("drop", { method: "POST" }));

showState();
