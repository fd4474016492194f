// Draws when each event was published and, below, when it arrived in each lane.

const seconds = 20;
const row = 34;
const label = 18;
const radius = 4;

export class Timeline {
  #canvas;
  #lanes;
  #labels;
  #ledger = null;
  #cuts = [];
  #timer;

  constructor(canvas, lanes, labels) {
    this.#canvas = canvas;
    this.#lanes = lanes;
    this.#labels = labels;
    canvas.style.height = `${(lanes.length + 1) * (row + label) + 26}px`;
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  start(ledger) {
    this.stop();
    this.#ledger = ledger;
    this.#cuts = [];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#timer = setInterval(() => this.#draw(), still ? 1000 : 50);
  }

  // What is drawn stays.
  stop() {
    clearInterval(this.#timer);
  }

  cut() {
    this.#cuts.push(Date.now());
  }

  #draw() {
    if (!this.#ledger) return;
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    const scale = devicePixelRatio;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const color = (name) => style.getPropertyValue(`--${name}`);
    context.font = `12px ${style.fontFamily}`;
    const now = Date.now();
    const x = (time) => width - 10 - (now - time) / 1000 * (width - 20) / seconds;
    const y = (index) => index * (row + label) + label + row / 2;
    const line = (x1, y1, x2, y2, style, dash = []) => {
      context.strokeStyle = style;
      context.setLineDash(dash);
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
      context.stroke();
    };

    ["Published", ...this.#labels].forEach((text, index) => {
      context.fillStyle = color("soft");
      context.fillText(text, 10, y(index) - row / 2);
      line(0, y(index), width, y(index), color("line"));
    });
    for (const cut of this.#cuts.filter((cut) => x(cut) > 0)) {
      line(x(cut), 0, x(cut), height - 20, color("ink"), [4, 4]);
      context.fillStyle = color("ink");
      context.fillText("cut", x(cut) + 4, height - 22);
    }

    // Dots of the same moment, which is as long as five pixels, are stacked.
    const stacks = [];
    const newest = [];
    const moment = 5 * seconds * 1000 / (width - 20);
    const dot = (index, time, style) => {
      let stack = newest[index];
      if (!stack || time - stack.time > moment) {
        stack = newest[index] = { index, time, count: 0 };
        stacks.push(stack);
      }
      const below = stack.count++;
      const lift = [0, -1, 1, -2, 2][below];
      if (lift === undefined) return;
      context.fillStyle = style;
      context.beginPath();
      context.arc(x(time), y(index) + lift * radius * 1.6, radius, 0, 2 * Math.PI);
      context.fill();
    };
    const shown = [...this.#ledger.events.values()].filter(({ at }) => x(at + this.#ledger.offset) > -width);
    for (const event of shown) {
      const published = event.at + this.#ledger.offset;
      dot(0, published, color("ink"));
      this.#lanes.forEach((lane, index) => {
        const arrival = event.arrivals[lane];
        if (arrival !== undefined) {
          line(x(published), y(index + 1), x(arrival), y(index + 1), color("accent"));
          dot(index + 1, arrival, color("accent"));
        } else if (this.#ledger.isMissed(lane, event)) {
          const [mx, my] = [x(published), y(index + 1)];
          line(mx - 4, my - 4, mx + 4, my + 4, color("bad"));
          line(mx - 4, my + 4, mx + 4, my - 4, color("bad"));
        }
      });
    }
    context.fillStyle = color("soft");
    for (const { index, time, count } of stacks) {
      if (count > 5) context.fillText(`${count}`, x(time) + 10, y(index) - 8);
    }
    for (let ago = 0; ago <= seconds; ago += width < 500 ? 10 : 5) {
      context.textAlign = ago === 0 ? "right" : ago === seconds ? "left" : "center";
      context.fillText(ago === 0 ? "now" : `${ago} s ago`, x(now - ago * 1000), height - 6);
    }
    context.textAlign = "left";
  }
}
