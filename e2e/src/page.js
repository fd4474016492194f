"use strict";

// Runs a scenario until it calls `end`, and returns what it wrote down.
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
    // Long enough for a client to reconnect that should not.
    setTimeout(end, 1000);
  }
});

async function run() {
  const seen = {};
  seen.open = await scenario("open", endsWith("open"));
  seen.comments = await scenario("comments", endsWith("message"));
  seen.fields = await scenario("fields", (source, lines, end) => {
    source.addEventListener("named", ({ data }) => lines.push(`named|${data}`));
    source.addEventListener("end", end);
  });
  seen.resume = await scenario("resume", endsWhenClosed);
  seen.retry = await scenario("retry", endsWhenClosed);
  seen.close = await scenario("close", endsWith("message"));
  return seen;
}

run().then(JSON.stringify, String).then((body) => fetch("/report", { method: "POST", body }));
