import { at, newName, sleep, watchServer, whileSeen } from "./common.js";
import { Ledger } from "./ledger.js";
import * as ways from "./lanes.js";
import { Timeline } from "./timeline.js";

const lanes = ["polling", "long_polling", "events", "socket"];
const labels = ["Polling", "Long polling", "Server-Sent Events", "WebSocket"];
const kilo = (number) => number.toLocaleString("en");
const field = (lane, name) => document.querySelector(`#${lane} .${name}`);

for (const lane of lanes) at(lane).append(at("lane").content.cloneNode(true));
const reconnect = document.createElement("button");
reconnect.id = "reconnect";
reconnect.type = "button";
reconnect.textContent = "Reconnect";
reconnect.hidden = true;
field("socket", "state").after(" ", reconnect);

let name;
let ledger;
// Since when the server counts.
let since;
let stops = {};
const timeline = new Timeline(at("timeline"), lanes, labels);

// Waits for the interval that is chosen, or until another one is.
function wait() {
  const interval = at("interval");
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      interval.removeEventListener("change", done);
      resolve();
    };
    const timer = setTimeout(done, Number(interval.value));
    interval.addEventListener("change", done);
  });
}

function showState(lane, state, text) {
  const shown = field(lane, "state");
  shown.dataset.state = state;
  if (shown.textContent !== text) shown.textContent = text;
  if (lane === "socket") reconnect.hidden = state !== "closed";
}

function start(lane, way, ...more) {
  const current = ledger;
  let isOpen = true;
  const stop = way(name, {
    arrived: (id, data) => current.arrived(lane, id, JSON.parse(data).at),
    answered: (events) => current.answered(lane, events),
    state: (state, text) => {
      if (!isOpen) return;
      current.isClosed[lane] = state === "closed";
      showState(lane, state, text);
    },
  }, ...more);
  stops[lane] = () => {
    isOpen = false;
    stop();
  };
}

function startAll() {
  start("polling", ways.polling, wait);
  start("long_polling", ways.longPolling);
  if (window.EventSource) start("events", ways.events);
  else showState("events", "closed", "this browser has no EventSource");
  start("socket", ways.socket);
}

function stopAll(text) {
  Object.values(stops).forEach((stop) => stop());
  stops = {};
  lanes.forEach((lane) => showState(lane, "stopped", text));
}

function showFigures(meter) {
  since ??= meter.since;
  if (meter.since !== since) {
    // The server was started again, and knows nothing of what was before.
    since = meter.since;
    stopAll("connecting");
    begin();
    return;
  }
  ledger.metered(meter);
  for (const lane of lanes) {
    const [requests, up, down] = meter.lanes[lane];
    const { arrived, empty, missed, median, worst } = ledger.figures(lane);
    const figures = { requests, up, down, arrived, empty, missed };
    for (const [name, figure] of Object.entries(figures)) field(lane, name).textContent = kilo(figure);
    field(lane, "missed").dataset.some = missed > 0;
    field(lane, "median").textContent = delay(median);
    field(lane, "worst").textContent = delay(worst);
  }
}

function delay(milliseconds) {
  if (!ledger.sharesClock) return "not on this machine";
  if (milliseconds === undefined) return "–";
  if (milliseconds < 1) return "under 1 ms";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

async function order(what, said) {
  try {
    const response = await fetch(`/compare/${what}`, { method: "POST" });
    if (!response.ok) throw new Error(await response.text());
    at("said").textContent = said;
  } catch (error) {
    at("said").textContent = `That did not work: ${error instanceof TypeError ? "the server did not answer" : error.message}.`;
  }
}

at("publish").addEventListener("click", () => order("publish?count=1", "Published one event."));
at("burst").addEventListener("click", () => order("publish?count=100", "Published 100 events."));
at("cut").addEventListener("click", () => {
  timeline.cut();
  order(`cut?page=${name}`, "Cut all four connections. Three come back by themselves; the WebSocket waits for you, and misses what is published until then.");
});
at("pause").addEventListener("click", () => {
  if (at("pause").getAttribute("aria-pressed") === "true") {
    begin();
    return;
  }
  at("pause").setAttribute("aria-pressed", true);
  at("pause").textContent = "Begin anew";
  stopAll("paused");
  timeline.stop();
});
reconnect.addEventListener("click", () => {
  showState("socket", "connecting", "connecting");
  start("socket", ways.socket);
});

// From now on: new figures, and all lanes at once.
function begin() {
  at("pause").setAttribute("aria-pressed", false);
  at("pause").textContent = "Pause";
  name = newName();
  ledger = new Ledger(lanes);
  timeline.start(ledger);
  lanes.forEach((lane) => showState(lane, "connecting", "connecting"));
  startAll();
}

whileSeen(() => {
  begin();
  // What was published before it began is shown, too.
  const stopWatching = watchServer(() => `/compare/meter?page=${name}&after=${ledger.newest}`, 1000, showFigures);
  return () => {
    stopWatching();
    stopAll("closed while the page is hidden");
    timeline.stop();
  };
});
