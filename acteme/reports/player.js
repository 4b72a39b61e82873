"use strict";
// The player: time, transport, and timelines of truth and prediction in step with the skeleton.
class Player {
  constructor(root, data) {
    Object.assign(this, { root, data, time: 0, speed: 1, zoom: 1, playing: false });
    this.$ = (selector) => root.querySelector(selector);
    this.tracks = this.$(".tracks");
    this.scene = new Scene(this.$("canvas"), data.figure, () => this.show());
    this.select = this.$(".recordings");
    data.replays.forEach((r, i) => this.select.add(new Option(this.caption(r), i)));
    this.select.addEventListener("change", () => this.open(Number(this.select.value)));
    this.acts = {
      play: () => this.play(!this.playing),
      previous: () => this.open((this.number + data.replays.length - 1) % data.replays.length),
      next: () => this.open((this.number + 1) % data.replays.length),
      mismatch: () => this.mismatch(),
      trails: (b) => { b.setAttribute("aria-pressed", (this.scene.trails = !this.scene.trails)); this.show(); },
      in: () => this.rescale(this.zoom * 1.6),
      out: () => this.rescale(this.zoom / 1.6),
    };
    root.querySelectorAll("button[data-act]").forEach((b) => b.addEventListener("click", () => this.acts[b.dataset.act](b)));
    this.$("[data-act=speed]").addEventListener("change", (e) => { this.speed = Number(e.target.value); });
    const views = { front: [0, 0.05], side: [Math.PI / 2, 0.05], top: [0, 1.5] };
    root.querySelectorAll("[data-view]").forEach((b) => b.addEventListener("click", () => this.scene.turn(...views[b.dataset.view])));
    if (data.replays.length < 2) root.querySelectorAll(".pick button").forEach((b) => b.remove());
    root.addEventListener("keydown", (e) => this.key(e));
    this.scrub();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.curves());
    new ResizeObserver(() => this.ticks()).observe(this.$(".view"));
    this.open(0);
  }

  // A clip of one action says what it is, and what it was taken for.
  caption(r) {
    const parts = [r.name, `${r.seconds.toFixed(1)} s`], [one] = r.truth, [found] = r.predicted;
    if (r.truth.length === 1 && r.predicted.length < 2) parts.push(one[2] + (found && found[2] !== one[2] ? ` → ${found[2]}` : ""));
    return parts.join(" · ");
  }

  open(number) {
    this.number = number;
    this.select.value = number;
    const r = (this.r = this.data.replays[number]);
    if (r.scores && !r.table) r.table = Uint8Array.from(atob(r.scores), (c) => c.charCodeAt(0));
    this.scene.load(r);
    this.root.classList.toggle("flat", this.scene.flat);
    this.classes = this.occurring(r);
    this.play(false);
    this.time = 0;
    this.zoom = 1;
    this.layout();
    this.tracks.setAttribute("aria-valuemax", r.seconds);
    this.$(".cut").textContent = r.cut ? `The last ${r.cut} s of this recording are not in the file.` : "";
    this.$("[data-act=mismatch]").hidden = !(r.truth.length && r.predicted.length);
    this.seek(0);
  }

  // Classes of the timeline, by first appearance in truth, then in prediction.
  occurring(r) {
    const first = new Map();
    for (const [start, , label] of r.truth) first.set(label, Math.min(first.get(label) ?? Infinity, start));
    const rest = new Map();
    for (const [start, , label] of r.predicted) if (!first.has(label)) rest.set(label, Math.min(rest.get(label) ?? Infinity, start));
    return [first, rest].flatMap((m) => [...m].sort((a, b) => a[1] - b[1]).map(([label]) => label));
  }

  color(label) {
    return `var(--k${this.data.classes.indexOf(label)})`;
  }

  layout() {
    const r = this.r, names = this.$(".names"), rows = this.$(".rows"), share = (t) => (100 * t) / r.seconds + "%";
    names.replaceChildren(...this.classes.map((label) => {
      const name = document.createElement("div"), dot = document.createElement("i");
      dot.style.background = this.color(label);
      name.title = label;
      name.append(dot, label);
      return name;
    }));
    rows.replaceChildren(...this.classes.map((label) => {
      const row = document.createElement("div");
      if (r.table) row.append(document.createElement("canvas"));
      for (const [kind, list] of [["t", r.truth], ["p", r.predicted]]) {
        for (const [start, end, name, score] of list) {
          if (name !== label) continue;
          const bar = document.createElement("i");
          bar.className = kind;
          bar.style.left = share(start);
          bar.style.width = share(end - start);
          if (kind === "p") { bar.style.background = this.color(label); bar.style.opacity = 0.45 + 0.55 * score; }
          row.append(bar);
        }
      }
      return row;
    }));
    this.rescale(1);
  }

  rescale(zoom) {
    this.zoom = Math.max(1, Math.min(40, zoom));
    this.tracks.style.width = 100 * this.zoom + "%";
    this.ticks();
    this.curves();
    this.follow(true);
  }

  ticks() {
    if (!this.r) return;
    const width = this.tracks.clientWidth, room = (70 * this.r.seconds) / Math.max(width, 1);
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((s) => s >= room) ?? 7200;
    const ticks = [];
    for (let t = 0; t < this.r.seconds - 0.3 * step || !ticks.length; t += step) {
      const tick = document.createElement("span");
      tick.style.left = (100 * t) / this.r.seconds + "%";
      tick.textContent = clock(t, step < 1 ? 1 : 0);
      ticks.push(tick);
    }
    this.$(".ticks").replaceChildren(...ticks);
  }

  // Scores over time behind the bars of each class.
  curves() {
    if (!this.r?.table) return;
    const k = this.data.classes.length, n = this.r.columns;
    this.root.querySelectorAll(".rows canvas").forEach((canvas, i) => {
      const wide = Math.min(4096, Math.max(300, Math.round(this.tracks.clientWidth))), high = 60, g = canvas.getContext("2d");
      const at = this.data.classes.indexOf(this.classes[i]);
      canvas.width = wide;
      canvas.height = high;
      g.fillStyle = getComputedStyle(canvas).getPropertyValue(`--k${at}`);
      g.beginPath();
      g.moveTo(0, high);
      for (let j = 0; j < n; j++) {
        const y = high - (this.r.table[j * k + at] / 255) * high;
        g.lineTo((j / n) * wide, y);
        g.lineTo(((j + 1) / n) * wide, y);
      }
      g.lineTo(wide, high);
      g.fill();
    });
  }

  holding(list, t) {
    return list.filter(([start, end]) => start <= t && t < end).map((s) => s[2]);
  }

  // Classes by score at a time: [label, score or null, true?], the best `most`; what is true or predicted without scores.
  ranking(t, most) {
    const truth = new Set(this.holding(this.r.truth, t)), { classes } = this.data;
    if (!this.r.table) {
      const found = new Set([...truth, ...this.holding(this.r.predicted, t)]);
      return [...found].slice(0, most).map((label) => [label, null, truth.has(label)]);
    }
    const row = Math.min(this.r.columns - 1, Math.floor((t / this.r.seconds) * this.r.columns)) * classes.length;
    const all = classes.map((label, i) => [label, this.r.table[row + i] / 255, truth.has(label)]);
    return all.sort((a, b) => b[1] - a[1]).slice(0, most);
  }

  seek(t) {
    this.time = Math.max(0, Math.min(this.r.seconds, t));
    this.show();
    this.follow();
  }

  show() {
    if (!this.r) return;
    this.scene.draw(this.time);
    this.$(".playhead").style.left = (100 * this.time) / this.r.seconds + "%";
    const total = document.createElement("small");
    total.textContent = ` / ${clock(this.r.seconds, 1)}`;
    this.$(".time").replaceChildren(clock(this.time, 1), total);
    this.panel();
    const words = (list) => this.holding(list, this.time).join(", ") || "nothing";
    this.tracks.setAttribute("aria-valuenow", this.time.toFixed(2));
    this.tracks.setAttribute("aria-valuetext", `${this.time.toFixed(1)} of ${this.r.seconds.toFixed(1)} seconds; true: ${words(this.r.truth)}; predicted: ${words(this.r.predicted)}`);
  }

  panel() {
    const list = this.$(".now ol"), ranking = this.ranking(Math.min(this.time, this.r.seconds - 1e-6), 8);
    while (list.children.length > ranking.length) list.lastChild.remove();
    ranking.forEach(([label, score, real], i) => {
      let li = list.children[i];
      if (!li) {
        li = document.createElement("li");
        li.innerHTML = "<span></span><span></span><i><b></b></i>";
        list.append(li);
      }
      li.className = real ? "true" : "";
      li.children[0].textContent = label;
      li.children[1].textContent = score === null ? "" : Math.round(100 * score) + "%";
      li.querySelector("b").style.cssText = `width:${100 * (score ?? 1)}%;background:${this.color(label)}`;
    });
  }

  // Keeps the playhead in sight where the timeline is zoomed.
  follow(center = false) {
    const view = this.$(".view"), x = (this.time / this.r.seconds) * this.tracks.clientWidth;
    if (center || x < view.scrollLeft || x > view.scrollLeft + view.clientWidth) view.scrollLeft = x - view.clientWidth * (center ? 0.5 : 0.15);
  }

  play(on) {
    if (on && this.time >= this.r.seconds - 0.02) this.time = 0;
    this.playing = on;
    this.root.classList.toggle("playing", on);
    this.$(".play").setAttribute("aria-label", on ? "Pause" : "Play");
    if (!on) return;
    let before = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      this.seek(this.time + (Math.min(now - before, 250) / 1000) * this.speed);
      before = now;
      if (this.time >= this.r.seconds) this.play(false);
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  // The start of the next stretch in which the predicted actions are not the true ones.
  mismatch() {
    const { truth, predicted, seconds } = this.r;
    const same = (t) => this.holding(truth, t).sort().join() === this.holding(predicted, t).sort().join();
    const cuts = [...new Set([0, ...truth, ...predicted].flatMap((s) => (s ? [s[0], s[1]] : [0])))].filter((t) => t < seconds).sort((a, b) => a - b);
    const starts = cuts.filter((t, i) => !same(t + 1e-4) && (i === 0 || same(cuts[i - 1] + 1e-4)));
    const next = starts.find((t) => t > this.time + 0.01) ?? starts[0];
    if (next !== undefined) { this.play(false); this.seek(next); }
  }

  key(e) {
    if (e.target.matches("select, input, summary") || e.ctrlKey || e.metaKey || e.altKey) return;
    const button = e.target.matches("button");
    const frame = 1 / this.r.fps, far = e.shiftKey ? 1 : frame;
    const act = {
      " ": button ? null : () => this.play(!this.playing),
      ArrowRight: () => { this.play(false); this.seek(this.time + far); },
      ArrowLeft: () => { this.play(false); this.seek(this.time - far); },
      PageDown: e.target === this.tracks ? () => this.seek(this.time + 5) : null,
      PageUp: e.target === this.tracks ? () => this.seek(this.time - 5) : null,
      Home: () => this.seek(0),
      End: () => { this.play(false); this.seek(this.r.seconds); },
      m: () => this.mismatch(),
      M: () => this.mismatch(),
    }[e.key];
    if (act) { act(); e.preventDefault(); }
  }

  scrub() {
    const time = (e) => {
      const box = this.tracks.getBoundingClientRect();
      return Math.max(0, Math.min(1, (e.clientX - box.left) / box.width)) * this.r.seconds;
    };
    let held = false;
    this.tracks.addEventListener("pointerdown", (e) => {
      held = true;
      this.tracks.setPointerCapture(e.pointerId);
      this.play(false);
      this.seek(time(e));
    });
    this.tracks.addEventListener("pointermove", (e) => {
      if (held) this.seek(time(e));
      this.hover(time(e), e);
    });
    for (const name of ["pointerup", "pointercancel"]) this.tracks.addEventListener(name, () => { held = false; });
    this.tracks.addEventListener("pointerleave", hideTip);
  }

  hover(t, e) {
    const box = document.createElement("div"), list = document.createElement("ul");
    box.append(`${clock(t, 1)}`, list);
    for (const [label, score, real] of this.ranking(Math.min(t, this.r.seconds - 1e-6), 5)) {
      const li = document.createElement("li"), dot = document.createElement("i"), name = document.createElement("span");
      dot.style.background = this.color(label);
      name.textContent = label + (real ? " · true" : "");
      if (real) name.className = "was";
      li.append(dot, name, score === null ? "" : Math.round(100 * score) + "%");
      list.append(li);
    }
    showTip(box, e.clientX, e.clientY);
  }
}

function clock(t, digits) {
  const whole = Math.floor(t / 60), rest = t - 60 * whole;
  return whole ? `${whole}:${rest.toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}` : `${rest.toFixed(digits)} s`;
}

const store = document.getElementById("replays");
if (store) {
  const player = new Player(document.querySelector(".player"), JSON.parse(store.textContent));
  // A dot of the map whose recording can be played takes the player there.
  for (const dot of document.querySelectorAll(".map circle")) {
    const number = player.data.replays.findIndex((r) => r.name === dot.dataset.recording);
    if (number < 0) continue;
    dot.classList.add("seek");
    dot.addEventListener("click", () => {
      player.open(number);
      player.seek(Number(dot.dataset.start));
      player.root.scrollIntoView();
    });
  }
}
