import { at, watchServer, whileSeen } from "./common.js";
import { listen } from "./listen.js";

const kept = 200;

// A page that resumes after a reload must have kept what it had: messages, and gaps between them.
const stored = JSON.parse(sessionStorage.getItem("chat")) ?? {};
const items = stored.items ?? [];
let lastEventId = stored.lastEventId ?? "";

function store() {
  sessionStorage.setItem("chat", JSON.stringify({ items, lastEventId, name: at("name").value }));
}

function show({ id, name, text, gap }) {
  const list = at("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const line = document.createElement("li");
  if (gap) {
    line.className = "gap";
    line.textContent = `Messages may be missing here: the server could not say what came in between (${gap}).`;
  } else {
    const who = document.createElement("b");
    who.textContent = name;
    const what = document.createElement("span");
    what.textContent = text;
    line.append(who, " ", what);
  }
  line.dataset.id = id;
  list.append(line);
  while (list.childElementCount > kept) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function add(item) {
  items.push(item);
  items.splice(0, items.length - kept);
  show(item);
}

function onEvent({ event, id, data }) {
  if (event === "message") {
    // Anyone can post any JSON.
    const value = JSON.parse(data);
    add({ id, name: String(value?.name ?? "someone"), text: String(value?.text ?? data) });
  } else if (event === "hub:gap") {
    add({ id, gap: JSON.parse(data).cause });
  }
  if (id) lastEventId = id;
  store();
}

function onState(state) {
  at("state").dataset.state = state;
  at("state").textContent = {
    connecting: "connecting",
    open: "open",
    lost: "lost; it comes back by itself",
    hidden: "closed while the page is hidden",
  }[state];
}

at("form").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const data = { name: at("name").value, text: at("text").value };
  at("send").disabled = true;
  at("problem").textContent = "";
  try {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ event: "message", data });
    const response = await fetch("/post", { method: "POST", headers, body });
    if (!response.ok) throw new Error(await response.text());
    at("text").value = "";
  } catch (error) {
    const reason = error instanceof TypeError ? "the server did not answer" : error.message;
    at("problem").textContent = `Not sent, or nobody knows: ${reason}. Your message is still here.`;
  } finally {
    at("send").disabled = false;
    at("text").focus();
  }
});

at("name").value = stored.name ?? `guest ${Math.floor(100 + Math.random() * 900)}`;
at("name").addEventListener("change", store);
at("how").textContent = window.EventSource ? "Over Server-Sent Events:" : "Over long polling, since this browser has no EventSource:";
at("curl").textContent = `curl -N ${location.origin}/stream
curl -H 'content-type: application/json' ${location.origin}/post \\
  -d '{"event": "message", "data": {"name": "curl", "text": "hello"}}'`;
items.forEach(show);

whileSeen(() => {
  const stop = listen({ stream: "/stream", poll: "/poll", lastEventId, types: ["message"], onEvent, onState });
  const stopWatching = watchServer(() => "/status", 2000);
  return () => {
    stop();
    stopWatching();
    onState("hidden");
  };
});
