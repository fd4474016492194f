import { at, newName, sleep, watchServer, whileSeen } from "./common.js";
import { listen } from "./listen.js";

const name = newName();
const wireEvents = 6;
const storyLines = 4;

let lastEventId = "";
let resumed = null;
// How long the browser waits before it comes back, in milliseconds.
let pause = 0;
let droppedAt = 0;

const words = {
  connecting: "connecting",
  open: "open",
  lost: "lost; the browser comes back by itself",
  hidden: "closed while the page is hidden",
};

function showState(state) {
  at("state").textContent = words[state];
  at("state").dataset.state = state;
  at("drop").disabled = state !== "open";
  if (state === "open") droppedAt = 0;
}

// The lines are those that the server sends, in its order.
function showWire({ event, id, data }) {
  const block = document.createElement("div");
  const fields = event === "connected" ? { event, retry: pause, data }
    : event.startsWith("hub:") ? { event, id, data }
    : { id, event, data };
  for (const [field, value] of Object.entries(fields)) {
    const mark = document.createElement("span");
    mark.textContent = `${field}:`;
    block.append(mark, ` ${value}\n`);
  }
  block.append("\n");
  at("wire").prepend(block);
  while (at("wire").childElementCount > wireEvents) at("wire").lastElementChild.remove();
}

function tell(text) {
  const line = document.createElement("li");
  line.textContent = text;
  at("story").append(line);
  while (at("story").childElementCount > storyLines) at("story").firstElementChild.remove();
  return line;
}

function onEvent(message) {
  const { event, id, data } = message;
  const value = JSON.parse(data);
  if (event === "connected") pause = value.retry;
  showWire(message);
  if (id) lastEventId = id;
  if (event === "connected") {
    // After the replay, it is known how much was missed.
    resumed = value.lastEventId ? { id: value.lastEventId, events: 0 } : null;
  } else if (event === "ping") {
    at("clock").textContent = new Date(value.time).toLocaleTimeString();
    if (resumed) resumed.events += 1;
  } else if (event === "hub:at" && resumed) {
    const { id, events } = resumed;
    const missed = events === 0 ? "It had missed nothing."
      : `The server sent the ${events === 1 ? "event" : `${events} events`} that it had missed. Nothing is lost.`;
    tell(`The browser came back with “Last-Event-ID: ${id}”. ${missed}`);
    resumed = null;
  } else if (event === "hub:gap") {
    tell(`Events are missing here (${value.cause}): the server no longer has what came before.`);
    resumed = null;
  } else if (event === "hub:end") {
    tell("The server has ended the stream, since it stops.");
  }
}

async function countDown() {
  const line = tell("");
  const start = droppedAt = Date.now();
  while (droppedAt === start && Date.now() < start + pause) {
    const left = (start + pause - Date.now()) / 1000;
    line.textContent = `The connection was cut. The browser comes back in ${left.toFixed(1)} s …`;
    await sleep(100);
  }
  line.textContent = `The connection was cut. The browser waited for ${pause / 1000} seconds, as the server had told it.`;
}

at("drop").addEventListener("click", async () => {
  at("drop").disabled = true;
  try {
    const response = await fetch(`/drop?page=${name}`, { method: "POST" });
    if (!response.ok) throw new Error(response.status);
    countDown();
  } catch {
    tell("The server could not be asked to cut the connection.");
  }
});

at("curl").textContent = `curl -N ${location.origin}/events`;

whileSeen(() => {
  const url = `/events?page=${name}`;
  const stop = listen({ stream: url, lastEventId, types: ["ping"], onEvent, onState: showState });
  const stopWatching = watchServer(() => "/status", 2000);
  return () => {
    stop();
    stopWatching();
    showState("hidden");
  };
});
