"use strict";

// Plays a visitor of the demo, as the query of the page's URL says, and posts what the page shows.

const search = new URLSearchParams(location.search);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const post = (report) => fetch("/report", { method: "POST", body: JSON.stringify(report) });
const find = (selector) => document.querySelector(selector);
const text = (selector) => find(selector).textContent;
const click = (id) => find(`#${id}`).click();

async function until(holds) {
  while (!await holds()) await sleep(50);
}

const NativeEventSource = window.EventSource;
if (search.has("without-event-source")) delete window.EventSource;

// What has come by a stream or a socket, whatever the page makes of it.
const received = { events: [], socket: [] };
if (search.get("play") === "cut") {
  window.EventSource = class extends NativeEventSource {
    constructor(url) {
      super(url);
      this.addEventListener("message", ({ lastEventId }) => received.events.push(lastEventId));
    }
  };
  window.WebSocket = class extends WebSocket {
    constructor(url) {
      super(url);
      this.addEventListener("message", ({ data }) => received.socket.push(JSON.parse(data).id));
    }
  };
}

const lanes = ["polling", "long_polling", "events", "socket"];
const figure = (lane, name) => Number(text(`#${lane} .${name}`).replaceAll(",", ""));

function figures() {
  const names = ["requests", "empty", "up", "down", "arrived", "missed"];
  const of = (lane) => [...names.map((name) => [name, figure(lane, name)]), ["median", text(`#${lane} .median`)]];
  return Object.fromEntries(lanes.map((lane) => [lane, Object.fromEntries(of(lane))]));
}

function choose(milliseconds) {
  find("#interval").value = milliseconds;
  find("#interval").dispatchEvent(new Event("change"));
}

const all = (holds) => until(() => lanes.every(holds));

const plays = {
  // Drops the connection of the clock, until the page has told what happened.
  async clock() {
    const pings = () => text("#wire").split("event: ping").length - 1;
    await until(() => pings() >= 2 && !find("#drop").disabled);
    click("drop");
    await until(() => text("#story").includes("comes back in"));
    await until(() => text("#story").includes("Last-Event-ID") && text("#story").includes("waited"));
    await until(() => text("#state") === "open");
    return { story: text("#story"), wire: text("#wire"), clock: text("#clock"), server: text("#server") };
  },

  // Looks at polling with its default interval and with a short one, publishes, and stops all lanes to read the figures.
  async figures() {
    await until(() => figure("polling", "arrived") >= 15);
    const slow = figures();
    choose(500);
    await until(() => figure("polling", "empty") >= 4);
    click("publish");
    await until(() => text("#said").includes("one event"));
    click("burst");
    await all((lane) => figure(lane, "arrived") >= 112);
    click("pause");
    // Long enough for the last bytes, and for the meter.
    let shown = "";
    await until(async () => {
      const before = shown;
      shown = JSON.stringify(figures());
      await sleep(2500);
      return shown === before;
    });
    return { slow, last: figures() };
  },

  // Cuts all connections, and takes the WebSocket's up again.
  async cut() {
    choose(1000);
    await all((lane) => figure(lane, "arrived") >= 2);
    click("cut");
    await until(() => text("#socket .state").includes("closed"));
    const before = figure("events", "arrived");
    await until(() => figure("events", "arrived") >= before + 4 && text("#events .state") === "open");
    await until(() => figure("socket", "missed") >= 3);
    const closed = figures();
    click("reconnect");
    const sockets = figure("socket", "arrived");
    await until(() => figure("socket", "arrived") >= sockets + 2);
    // So that the last event is in all lanes.
    click("pause");
    await sleep(2500);
    const meter = await (await fetch("/compare/meter")).json();
    return { closed, last: figures(), received, published: meter.published.map(({ id }) => id) };
  },

  // Is hidden after a while, and seen again when the test says so.
  async hidden() {
    const see = (state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    };
    const state = search.has("lanes") ? "#events .state" : "#state";
    await until(() => text(state) === "open");
    await post("open");
    see("hidden");
    await sleep(500);
    await post("hidden");
    const hidden = text(state);
    await sleep(1500);
    see("visible");
    await until(() => text(state) === "open");
    return { hidden };
  },

  // Uses the page until it is told that the server is gone, and when it is back.
  async restart() {
    const servers = [];
    setInterval(() => {
      const told = text("#server").trim();
      if (told && told !== servers.at(-1)) servers.push(told);
    }, 20);
    const page = {
      "/": {
        before: () => until(() => text("#wire").includes("event: ping")),
        after: () => until(() => text("#wire").startsWith("id: ") && text("#story").includes("missing")),
        seen: () => ({ story: text("#story") }),
      },
      "/compare": {
        before: () => all((lane) => figure(lane, "arrived") >= 2).then(() => click("burst")).then(() => all((lane) => figure(lane, "arrived") >= 102)),
        // The figures begin anew a moment after the server is back.
        after: () => all((lane) => figure(lane, "arrived") >= 2 && figure(lane, "arrived") < 100),
        seen: () => ({ last: figures() }),
      },
      "/chat": {
        before: () => say("before").then(() => until(() => items().length === 1)),
        after: () => until(() => items().length === 2).then(() => say("after")).then(() => until(() => items().length === 3)),
        seen: () => ({ items: items() }),
      },
    }[location.pathname];
    await until(() => servers.length === 1);
    await page.before();
    // The server may be killed before it has answered.
    await post("ready").catch(() => {});
    await until(() => servers.length >= 2);
    fetch(search.get("tell"), { mode: "no-cors" }).catch(() => {});
    await until(() => servers.length >= 3);
    await page.after();
    return { servers, ...page.seen() };
  },

  // Says something, reloads the page while something else is said, and says a last thing.
  async chat() {
    const shown = (what) => items().some(({ text }) => text === what);
    if (!sessionStorage.getItem("reloaded")) {
      await until(() => text("#state") === "open");
      await say("<b>one</b>");
      await until(() => shown("<b>one</b>"));
      sessionStorage.setItem("reloaded", "yes");
      const data = { name: "other", text: "two" };
      const headers = { "content-type": "application/json" };
      await fetch("/post", { method: "POST", headers, body: JSON.stringify({ event: "message", data }) });
      location.reload();
      return new Promise(() => {});
    }
    // The IDs of a stream, to compare with.
    const ids = [];
    const stream = new NativeEventSource("/stream");
    stream.addEventListener("message", ({ lastEventId }) => ids.push(lastEventId));
    await until(() => shown("two") && ids.length === 2);
    await say("three");
    await until(() => shown("three") && ids.length === 3);
    stream.close();
    return { how: text("#how"), items: items(), ids };
  },

  // Talks until someone says “stop”.
  async talk() {
    const name = search.get("name");
    const [said, unsure, servers] = [[], [], new Set()];
    setInterval(() => servers.add(text("#server").replace(/\d+ s/, "some s")), 100);
    find("#name").value = name;
    const names = () => new Set(items().map(({ name }) => name)).size;
    const stop = () => items().some(({ text }) => text === "stop");
    let ready = false;
    for (let n = 1; !stop(); n += 1) {
      const sent = await say(`${name} ${n}`);
      (sent ? said : unsure).push(`${name} ${n}`);
      if (!ready && names() >= 3) {
        ready = true;
        post({ ready: name });
      }
      await sleep(800);
    }
    // What others have said meanwhile.
    await sleep(5000);
    return { name, said, unsure, shown: items(), servers: [...servers] };
  },
};

// The messages that the page shows. A gap is an item without a name.
function items() {
  return [...document.querySelectorAll("#messages li")].map((item) => ({
    id: item.dataset.id,
    name: item.querySelector("b")?.textContent,
    text: item.querySelector("span")?.textContent ?? item.textContent,
  }));
}

// Returns whether it was sent for certain.
async function say(words) {
  find("#text").value = words;
  click("send");
  await until(() => !find("#send").disabled);
  const sent = find("#text").value === "";
  find("#text").value = "";
  return sent;
}

addEventListener("load", () => {
  const play = plays[search.get("play")];
  if (play) play().catch((error) => `${error}\n${error.stack}`).then(post);
});
