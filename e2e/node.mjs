// Plays a scenario with the npm package `eventsource`, and prints what it sees.
import { EventSource } from "eventsource";

const source = new EventSource(process.argv[2]);
source.onopen = () => console.log("open");
source.onmessage = ({ data, lastEventId }) => console.log(["message", data, lastEventId].join("|"));
source.onerror = () => {
  const closed = source.readyState === EventSource.CLOSED;
  console.log(closed ? "closed" : "connecting");
};
