// Plays a scenario with the npm package `eventsource` and prints what it saw once it is closed.
import { EventSource } from "eventsource";

const seen = [];
const source = new EventSource(`${process.argv[2]}/events/resume`);
source.onopen = () => seen.push("open");
source.onmessage = ({ data, lastEventId }) => seen.push(["message", data, lastEventId].join("|"));
source.onerror = () => {
  const closed = source.readyState === EventSource.CLOSED;
  seen.push(closed ? "closed" : "connecting");
  if (closed) {
    console.log(JSON.stringify(seen));
  }
};
