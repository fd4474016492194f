// What the three pages share.

export const at = (id) => document.getElementById(id);

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The server counts the requests of each page by such a name.
export const newName = () => Math.random().toString(36).slice(2, 10);

// Calls `open` when the page is seen, and what it returned when the page is hidden, so that a hidden page holds no
// connections: a browser has six for a server.
export function whileSeen(open) {
  let close = null;
  const look = () => {
    if (document.visibilityState === "visible") {
      close ??= open();
    } else {
      close?.();
      close = null;
    }
  };
  document.addEventListener("visibilitychange", look);
  look();
}

// Asks for this URL again and again, and tells in the page whether the server is there. Returns a function that stops it.
export function watchServer(url, pause, onAnswer = () => {}) {
  let stopped = false;
  let controller = null;
  (async () => {
    while (!stopped) {
      controller = new AbortController();
      const late = setTimeout(() => controller.abort(), 5000);
      try {
        const response = await fetch(url(), { signal: controller.signal });
        if (!response.ok) throw new Error(response.status);
        const answer = await response.json();
        if (stopped) return;
        showServer(answer.unreachable === null ? "here" : "without engine", answer);
        onAnswer(answer);
      } catch {
        if (!stopped) showServer("gone");
      } finally {
        clearTimeout(late);
      }
      await sleep(pause);
    }
  })();
  return () => {
    stopped = true;
    controller.abort();
  };
}

function showServer(state, answer) {
  const text = {
    "here": () => `Events are kept in ${answer.engine}.`,
    "without engine": () => `${answer.engine} cannot be reached (for ${answer.unreachable} s). Nothing can be published until it is back.`,
    "gone": () => "The server is gone. This page comes back by itself when the server does.",
  }[state]();
  const server = at("server");
  server.dataset.state = state;
  // A screen reader reads what has changed.
  if (server.textContent !== text) server.textContent = text;
}
