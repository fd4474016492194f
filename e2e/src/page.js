"use strict";

// Runs a scenario until it calls `end`, and returns what it recorded.
function scenario(name, watch) {
  return new Promise((resolve) => {
    const lines = [];
    const source = new EventSource(`/events/${name}`);
    const end = () => {
      source.close();
      resolve(lines);
    };
    source.onopen = () => lines.push("open");
    source.onerror = () => lines.push(source.readyState === EventSource.CLOSED ? "closed" : "connecting");
    source.onmessage = ({ data, lastEventId }) => lines.push(["message", data, lastEventId].join("|"));
    watch(source, lines, end);
  });
}

const endsWith = (type) => (source, lines, end) => source.addEventListener(type, () => setTimeout(end, 0));

const endsWhenClosed = (source, lines, end) => source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) {
    // Long enough to notice a client that wrongly reconnects.
    setTimeout(end, 1000);
  }
});

// Opens this many streams on one origin. Returns how many are open once no more have opened for two
// seconds, and how many more open when the first is closed.
async function connections(count) {
  const open = [];
  let opened;
  const sources = Array.from({ length: count }, (_, n) => {
    const source = new EventSource(`/events/silent?${n}`);
    source.onopen = () => {
      open.push(n);
      opened();
    };
    return source;
  });
  const another = (milliseconds) => new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, false);
    opened = () => {
      clearTimeout(timer);
      resolve(true);
    };
  });
  while (open.length < Math.min(count, 6)) {
    await another(20000);
  }
  while (open.length < count && await another(2000));
  const together = [...open];
  if (open.length < count) {
    sources[open[0]].close();
    await another(20000);
  }
  const result = { together: together.length, later: open.length - together.length };
  sources.forEach((source) => source.close());
  return result;
}

// What to watch in each scenario, in addition to what all have in common.
const watches = {
  open: endsWith("open"),
  comments: endsWith("message"),
  fields: (source, lines, end) => {
    source.addEventListener("named", ({ data }) => lines.push(`named|${data}`));
    source.addEventListener("end", end);
  },
  resume: endsWhenClosed,
  retry: endsWhenClosed,
  close: endsWith("message"),
};

async function scenarios(names) {
  const seen = {};
  for (const name of names) {
    seen[name] = await scenario(name, watches[name]);
  }
  return seen;
}

// Plays what a polyfill must get right, in a browser without its own `EventSource`.
async function polyfill() {
  delete window.EventSource;
  const script = document.createElement("script");
  script.src = "/files/node_modules/event-source-polyfill/src/eventsource.js";
  const loaded = new Promise((resolve) => script.onload = resolve);
  document.head.append(script);
  await loaded;
  return { native: EventSource === window.NativeEventSource, ...await scenarios(["fields", "resume"]) };
}

const post = (body) => fetch("/report", { method: "POST", body });

// Keeps reading while the server is killed and restarted, which happens once the page reports that
// it is ready.
const restart = () => scenario("restart", (source, lines, end) => {
  const count = (start) => lines.filter((line) => line.startsWith(start)).length;
  source.addEventListener("message", () => {
    if (count("connecting") === 0 && count("message") === 3) {
      post("ready");
    } else if (count("connecting") > 0 && count("message") >= 10) {
      end();
    }
  });
});

// Plays a stream that ends in an error this many times, five at a time. Returns what `EventSource`
// sees and what `fetch` reads.
async function breaking(rounds) {
  const source = () => scenario("breaking", (source, lines, end) => source.addEventListener("error", () => {
    // The server breaks the connection twice, then answers 204. A source that loses events
    // reconnects more often.
    if (source.readyState === EventSource.CLOSED || lines.filter((line) => line === "connecting").length > 3) {
      end();
    }
  }));
  const body = async () => {
    const chunks = [];
    try {
      const response = await fetch("/events/breaking.quiet");
      // Acts like a page that is busy for a moment. If the connection breaks in the meantime, what
      // is unread is lost.
      await new Promise((resolve) => setTimeout(resolve, 20));
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        chunks.push(chunk);
      }
      chunks.push("end");
    } catch {
      chunks.push("broken");
    }
    return chunks.join("");
  };
  const five = (play) => Promise.all(Array.from({ length: 5 }, play));
  // These rounds do not count, since the browser is still starting.
  await five(source);
  await five(body);
  const seen = { sources: [], bodies: [] };
  while (seen.sources.length < rounds) {
    seen.sources.push(...await five(source));
    seen.bodies.push(...await five(body));
  }
  return seen;
}

const publish = (topic, data) => post(JSON.stringify({ publish: [topic, data] }));

// Subscribes to topics of the hub until `watch` calls `end`, and returns what it saw: the types and the data, which is JSON
// in all events. `ids` has the last event ID after each message.
function subscribe(topics, id, watch) {
  return new Promise((resolve, reject) => {
    const lines = [];
    const ids = {};
    const query = id ? `?lastEventId=${encodeURIComponent(id)}` : "";
    const source = new EventSource(`/events/hub-${topics}${query}`);
    const end = () => {
      source.close();
      resolve({ lines, ids });
    };
    source.onerror = () => lines.push(source.readyState === EventSource.CLOSED ? "closed" : "connecting");
    for (const type of ["message", "hub:hello", "hub:at", "hub:gap", "hub:end"]) {
      source.addEventListener(type, async ({ data, lastEventId }) => {
        try {
          const { wait_ms, ...rest } = JSON.parse(data);
          lines.push(`${type}|${JSON.stringify(rest)}`);
          if (type === "message") {
            ids[rest.n] = lastEventId;
          }
          await watch(type, rest.n, end);
        } catch (error) {
          reject(error);
        }
      });
    }
  });
}

// Sees the first event, reloads the page while events are published, resumes other topics than before, and comes back after
// the hub has ended the stream.
async function hub() {
  const stored = sessionStorage.getItem("hub");
  if (stored === null) {
    const { lines, ids } = await subscribe("a,b", "", async (type, n, end) => {
      if (type === "hub:hello") {
        await publish("a", '{"n":1}');
        await publish("b", '{"n":2}');
      } else if (n === 2) {
        end();
      }
    });
    sessionStorage.setItem("hub", JSON.stringify({ first: lines, ids }));
    await publish("a", '{"n":3}');
    await publish("b", '{"n":4}');
    location.reload();
    return new Promise(() => {});
  }
  const { first, ids } = JSON.parse(stored);
  const untilCaughtUp = (type, n, end) => {
    if (type === "hub:at") {
      end();
    }
  };
  const { lines: reloaded } = await subscribe("a,b", ids[2], untilCaughtUp);
  const { lines: otherTopics } = await subscribe("b", ids[1], untilCaughtUp);
  let ended = false;
  const { lines: disconnected } = await subscribe("c", "", async (type, n, end) => {
    if (type === "hub:hello") {
      await post('{"disconnect":"c"}');
    } else if (type === "hub:end") {
      ended = true;
      await publish("c", '{"n":5}');
    } else if (ended && type === "hub:at") {
      end();
    }
  });
  return { first, reloaded, otherTopics, disconnected };
}

// Reads on when the server has been killed and started again, which happens when the page says that it is ready.
async function hubRestart() {
  const { lines } = await subscribe("a", "", async (type, n, end) => {
    if (type === "hub:hello") {
      await publish("a", '{"n":1}');
    } else if (n === 1) {
      // The server may be killed before it answers.
      post("ready");
    } else if (type === "hub:gap") {
      await publish("a", '{"n":2}');
    } else if (n === 2) {
      end();
    }
  });
  return lines;
}

const search = new URLSearchParams(location.search);
const run = search.has("polyfill") ? polyfill()
  : search.has("connections") ? connections(Number(search.get("connections")))
  : search.has("breaking") ? breaking(Number(search.get("breaking")))
  : search.has("restart") ? restart()
  : search.has("hub") ? hub()
  : search.has("hub-restart") ? hubRestart()
  : scenarios(Object.keys(watches));

run.then(JSON.stringify, String).then(post);
