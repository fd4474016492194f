// What was published, and what has arrived where.

// How many events are remembered. A second brings one.
const remembered = 3000;

// How far the clocks of page and server may differ, in milliseconds, if they are one: both are rounded.
const tolerance = 5;

export class Ledger {
  // Events by ID: `{ id, at, n, arrivals }`, where `n` is their number at the server, once it is known.
  events = new Map();
  // The number of the newest event that the server has told of.
  newest = 0;
  sharesClock = false;
  // What to add to the server's time to get the page's.
  offset = 0;
  isClosed = {};
  #lanes;

  constructor(lanes) {
    this.#lanes = Object.fromEntries(lanes.map((lane) => [lane, {
      arrived: 0,
      empty: 0,
      delays: [],
      // The numbers of the first and the newest event that have arrived.
      first: Infinity,
      last: -Infinity,
      // How many of the missed events are no longer remembered.
      forgotten: 0,
    }]));
  }

  arrived(lane, id, published) {
    const now = Date.now();
    this.#event(id, published).arrivals[lane] = now;
    const figures = this.#lanes[lane];
    figures.arrived += 1;
    figures.delays.push(now - published);
    if (figures.delays.length > remembered) figures.delays.shift();
  }

  answered(lane, events) {
    if (events === 0) this.#lanes[lane].empty += 1;
  }

  metered({ now, same_machine: sameMachine, published }) {
    const difference = Date.now() - now;
    this.sharesClock = sameMachine && difference >= -tolerance && difference < 5000;
    this.offset = this.sharesClock ? 0 : difference;
    for (const { n, id, data } of published) {
      this.#event(id, JSON.parse(data).at).n = n;
      this.newest = Math.max(this.newest, n);
    }
    for (const { n, arrivals } of this.events.values()) {
      if (n === undefined) continue;
      for (const lane in arrivals) {
        const figures = this.#lanes[lane];
        figures.first = Math.min(figures.first, n);
        figures.last = Math.max(figures.last, n);
      }
    }
    this.#forget();
  }

  figures(lane) {
    const { arrived, empty, forgotten, delays } = this.#lanes[lane];
    let missed = forgotten;
    for (const event of this.events.values()) {
      if (this.isMissed(lane, event)) missed += 1;
    }
    const sorted = [...delays].sort((a, b) => a - b);
    return { arrived, empty, missed, median: sorted[Math.floor(sorted.length / 2)], worst: sorted.at(-1) };
  }

  // A lane has missed what was published after its first event and before its newest one, and has not arrived; if it does
  // not come back by itself, also what was published since.
  isMissed(lane, event) {
    const { first, last } = this.#lanes[lane];
    const end = this.isClosed[lane] ? Infinity : last;
    return !(lane in event.arrivals) && event.n > first && event.n < end;
  }

  #event(id, at) {
    let event = this.events.get(id);
    if (!event) {
      event = { id, at, n: undefined, arrivals: {} };
      this.events.set(id, event);
    }
    return event;
  }

  #forget() {
    for (const [id, event] of this.events) {
      if (this.events.size <= remembered) return;
      for (const lane in this.#lanes) {
        if (this.isMissed(lane, event)) this.#lanes[lane].forgotten += 1;
      }
      this.events.delete(id);
    }
  }
}
